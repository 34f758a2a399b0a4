// The server of all contenders but nginx: node:http or node:https and nothing else. Its parent asks it things by IPC.

import { createReadStream, statSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'

const { FILES, KEY, CERT, OFFLOADS } = process.env
const json = JSON.stringify({ text: 'x'.repeat(189) }) // 200 bytes
const buffer = Buffer.alloc(64 * 1024, 'x')
const nanosecondsPerMs = 1e6

const routes = {
  json(response) {
    response.setHeader('Content-Type', 'application/json')
    response.end(json)
  },
  buffer(response) {
    response.end(buffer)
  },
  files(response, name) {
    const path = join(FILES, name)
    response.setHeader('Content-Length', statSync(path).size)
    const source = createReadStream(path)
    response.on('close', () => source.destroy()) // pipe() leaves it open where a client goes away
    source.pipe(response)
  },
}

const resolutionMs = 1
const delay = monitorEventLoopDelay({ resolution: resolutionMs })
/** What it counts is from one tick to the next. */
const delayMs = (nanoseconds) => Math.max(0, nanoseconds / nanosecondsPerMs - resolutionMs)
const answers = {
  startLoop() {
    delay.reset()
    delay.enable()
  },
  stopLoop() {
    delay.disable()
    return {
      p50: delayMs(delay.percentile(50)),
      p99: delayMs(delay.percentile(99)),
      maximum: delayMs(delay.max),
    }
  },
  collectGarbage() {
    globalThis.gc()
  },
  /** Reasons for which files were not offloaded, and how often: of the contender that offloads. */
  async fallbacks() {
    if (!OFFLOADS) return {}
    const { getStats } = await import(OFFLOADS) // no sooner: it has more in it than what is measured
    return getStats().fallbacks
  },
}
process.on('message', async (question) => process.send({ answer: (await answers[question]()) ?? null }))
process.on('disconnect', () => process.exit())

const server = KEY
  ? (await import('node:https')).createServer({ key: KEY, cert: CERT }, serve)
  : (await import('node:http')).createServer(serve)
server.keepAliveTimeout = 60_000 // longer than any pause of a benchmark
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))

function serve(request, response) {
  const [, route, name] = request.url.split('/')
  routes[route](response, name)
}
