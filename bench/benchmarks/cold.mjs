import { wrk } from '../load/wrk.mjs'
import { dropFromCache } from '../workspace.mjs'
import { throughput } from './benchmark.mjs'

const streams = 64
const fileBytes = 16 * 2 ** 20
const bytesPerMegabyte = 1e6

/** @type {import('./benchmark.mjs').Benchmark} */
export const cold = {
  name: 'cold',
  title: 'A client of a cached file, beside clients of files that are on disk',
  metrics: [throughput],
  cases: ({ workspace, emulated }) => {
    if (emulated) return [] // its files are in memory
    const paths = Array.from({ length: streams }, (_, index) => `/files/${workspace.ofSize(fileBytes, index)}`)
    return [
      { name: 'alone', paths: [] },
      { name: `beside ${streams} cold streams`, paths },
    ]
  },
  async measure({ workspace, tools, seconds }, server, { paths }) {
    const warmPath = `/files/${workspace.ofSize(fileBytes)}`
    await Promise.all(paths.map((path) => dropFromCache(workspace.path(path.slice('/files/'.length)))))
    const beside =
      paths.length > 0 ? wrk(tools.wrk, server.url, { paths, connections: streams, seconds: seconds + 1 }) : undefined
    const warm = await wrk(tools.wrk, server.url, { paths: [warmPath], connections: 1, seconds })
    await beside
    return { megabytesPerSecond: warm.bytes / bytesPerMegabyte / warm.seconds }
  },
}
