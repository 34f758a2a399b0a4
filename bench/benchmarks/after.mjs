import { cpuPerRequest, latencies, requestRate } from './benchmark.mjs'
import { measureRequests } from './small.mjs'

/** @type {import('./benchmark.mjs').Benchmark} */
export const after = {
  name: 'after',
  title: 'Other answers on a connection that has sent a file',
  metrics: [requestRate, cpuPerRequest, ...latencies],
  cases: ({ workspace }) => {
    const first = [`/files/${workspace.ofSize(256 * 1024)}`]
    return [
      { name: '200 bytes of JSON', paths: ['/json'], first, connections: 1 },
      { name: 'a buffer of 64 KiB', paths: ['/buffer'], first, connections: 1 },
    ]
  },
  measure: measureRequests,
}
