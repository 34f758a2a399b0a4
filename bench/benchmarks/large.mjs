import { costOf } from '../../scripts/common/cpu-time.mjs'
import { download } from '../load/curl.mjs'
import { wrk } from '../load/wrk.mjs'
import { cpuPerGib, throughput } from './benchmark.mjs'

const bytesPerMegabyte = 1e6
const bytesPerGibibyte = 2 ** 30
/** Small files, and clients that have gone when their time was over. */
const expectedReasons = ['below-minimum-size', 'destination-unavailable']

/** @type {import('./benchmark.mjs').Benchmark} */
export const large = {
  name: 'large',
  title: 'A large file',
  metrics: [cpuPerGib, throughput],
  cases: () => [
    { name: 'one stream', connections: 1 },
    { name: '64 streams', connections: 64 },
  ],
  nginxWorkers: () => 2, // the package sends on both processors, too
  measure: measureDownloads,
}

/** A figure of what was not offloaded would be published as one of what was. */
async function expectNoFallback(server) {
  const reasons = Object.entries((await server.ask?.('fallbacks')) ?? {}).filter(
    ([reason, count]) => count > 0 && !expectedReasons.includes(reason),
  )
  if (reasons.length > 0) throw new Error(`Files fell back: ${JSON.stringify(Object.fromEntries(reasons))}`)
}

/** One stream is a download by curl, several are by wrk for some seconds. */
export async function measureDownloads({ workspace, tools, seconds }, server, { connections, file = workspace.large }) {
  const path = `/files/${file}`
  const load =
    connections === 1
      ? () => download(tools.curl, server.url + path)
      : () => wrk(tools.wrk, server.url, { paths: [path], connections, seconds, threads: 2 })
  const cost = await costOf(server, load)
  await expectNoFallback(server)
  const gibibytes = cost.bytes / bytesPerGibibyte
  return {
    megabytesPerSecond: cost.bytes / bytesPerMegabyte / cost.seconds,
    serverCpuPerGib: cost.serverCpuSeconds / gibibytes,
    machineCpuPerGib: cost.machineCpuSeconds / gibibytes,
  }
}
