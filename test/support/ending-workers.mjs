// Workers that serve files, each ended in the middle of it. What they print at the end is compared by the test.
//
//   node ending-workers.mjs <workers> <file>

import http from 'node:http'
import { setTimeout as patience } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { threadNames } from './threads.mjs'

const atOnce = 8

if (isMainThread) {
  const { install } = await import('ktls-pipe')
  install({ threads: 1 })
  const [workers, file] = process.argv.slice(2)
  for (let index = 0; index < Number(workers); index++) await serveAndEnd(file, 1 + (index % 20))
  process.stdout.write(JSON.stringify({ senders: senders() }))
} else {
  const { createReadStream } = await import('node:fs')
  const { install } = await import('ktls-pipe')
  install({ tcp: { minimumBytes: 0 } })
  const server = http.createServer((_request, response) => createReadStream(workerData).pipe(response))
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
}

/** Ends a Worker as soon as it has answered so often; others of its answers are on their way then. */
async function serveAndEnd(file, answers) {
  const worker = new Worker(new URL(import.meta.url), { workerData: file })
  const port = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  const agent = new http.Agent({ keepAlive: true })
  let left = answers
  await new Promise((resolve, reject) => {
    const ask = () => {
      const request = http.get({ port, host: '127.0.0.1', agent }, (response) => {
        response.resume()
        response.on('error', () => {}) // cut off
        response.on('end', () => (--left === 0 ? worker.terminate().then(resolve, reject) : left > 0 && ask()))
      })
      request.on('error', () => {}) // likewise
    }
    for (let i = 0; i < atOnce; i++) ask()
    patience(60_000, undefined, { ref: false }).then(() => reject(new Error(`${left} answers are missing`)))
  })
  agent.destroy()
}

function senders() {
  return threadNames().filter((name) => name === 'ktls-sender').length
}
