import { idleBeside } from '../contenders/idle-beside.mjs'
import { downloadSlowly } from '../load/curl.mjs'
import { wrk } from '../load/wrk.mjs'
import { latencies } from './benchmark.mjs'

const streams = 64
/** Of each stream; together a rate that plain Node sustains. */
const bytesPerSecond = { hardware: 16_000_000, emulator: 30_000 }
const settleMs = 1000 // the streams have begun

/** @type {import('./benchmark.mjs').Benchmark} */
export const loop = {
  name: 'loop',
  title: `Delay of the event loop during ${streams} downloads at a steady pace`,
  metrics: [
    ...['p99', 'p50', 'maximum'].map((key) => ({
      title: `delay ${key}`,
      unit: 'ms',
      better: /** @type {const} */ ('less'),
      readings: [{ key: `delay-${key}` }],
      digits: 2,
    })),
    ...latencies.map((metric) => ({ ...metric, title: `JSON ${metric.title}` })),
  ],
  cases: () => [
    { name: 'idle', count: 0 },
    { name: `${streams} downloads`, count: streams },
  ],
  contenders: ({ node, nginx }) => [...node, ...nginx.slice(0, 1).map(idleBeside)],
  async measure({ workspace, tools, emulated, seconds }, server, { count }) {
    const stop = new AbortController()
    const pace = emulated ? bytesPerSecond.emulator : bytesPerSecond.hardware
    const url = `${server.filesUrl ?? server.url}/files/${workspace.large}`
    const downloads =
      count > 0 ? downloadSlowly(tools.curl, url, { count, bytesPerSecond: pace, signal: stop.signal }) : undefined
    try {
      await new Promise((resolve) => setTimeout(resolve, settleMs))
      await server.ask('startLoop')
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
      const delay = await server.ask('stopLoop')
      // Its requests are what the loop would be delayed by, so they come afterwards.
      const { p50, p99 } = await wrk(tools.wrk, server.url, { paths: ['/json'], connections: 1, seconds })
      return { ...Object.fromEntries(Object.entries(delay).map(([key, value]) => [`delay-${key}`, value])), p50, p99 }
    } finally {
      stop.abort()
      await downloads
    }
  },
}
