import { costOf } from '../../scripts/common/cpu-time.mjs'
import { wrk } from '../load/wrk.mjs'
import { cpuPerRequest, latencies, requestRate } from './benchmark.mjs'

const kibibytes = [1, 4, 16, 64, 256]
const connections = 16
const microseconds = 1e6

/** @type {import('./benchmark.mjs').Benchmark} */
export const small = {
  name: 'small',
  title: 'Small files',
  metrics: [requestRate, cpuPerRequest, ...latencies],
  // Those that have served other sizes are up to a fifth slower, with the package; and new ones are still being compiled.
  newProcesses: 'case',
  cases: ({ workspace }) => ofSizes(kibibytes, workspace),
  measure: measureRequests,
}

/** Each size kept alive, then each with a connection for each request. */
export function ofSizes(kibibytes, workspace) {
  return [true, false].flatMap((keepAlive) =>
    kibibytes.map((size) => ({
      name: `${size} KiB, ${keepAlive ? 'kept alive' : 'a connection each'}`,
      paths: [`/files/${workspace.ofSize(size * 1024)}`],
      keepAlive,
    })),
  )
}

export async function measureRequests({ tools, seconds }, server, given) {
  const cost = await costOf(server, () => wrk(tools.wrk, server.url, { connections, seconds, ...given }))
  return {
    requestsPerSecond: cost.requests / cost.seconds,
    serverCpuPerRequest: (cost.serverCpuSeconds / cost.requests) * microseconds,
    machineCpuPerRequest: (cost.machineCpuSeconds / cost.requests) * microseconds,
    p50: cost.p50,
    p99: cost.p99,
  }
}
