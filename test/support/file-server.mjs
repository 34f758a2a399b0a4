// An http or https server in a process of its own, which a test starts by start-file-server.ts and asks things. It
// serves the file in FILE, with or without the package: whole, or `/N` its first N bytes, `/N/chunked` without saying how
// many they are, `/N/impatient` to those who keep taking them. Nobody else is thrown out.

import { createReadStream, readdirSync, statSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { getStats, install } from 'ktls-pipe'
import { threadNames } from './threads.mjs'

install({ tls: { minimumBytes: 0 }, tcp: { minimumBytes: 0 } })

const { KEY: key, CERT: cert, FILE: file, SCHEME: scheme } = process.env
const { size } = statSync(file)
const patienceMs = 500
const sockets = new Set()
const sources = new Set()
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()

const server = scheme === 'http' ? http.createServer(serve) : https.createServer({ key, cert }, serve)
server.keepAliveTimeout = 0
server.on('connection', (socket) => keepIn(sockets, socket))
// Clients come and go as they like.
server.on('clientError', (_error, socket) => socket.destroy())
server.on('secureConnection', (socket) => socket.on('error', () => {}))
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))

function serve(request, response) {
  const [, bytes, how] = request.url.split('/')
  const length = bytes === '' ? size : Number(bytes)
  if (how === 'impatient') response.setTimeout(patienceMs)
  if (how !== 'chunked') response.setHeader('Content-Length', length)
  const source = createReadStream(file, { end: length - 1 })
  keepIn(sources, source)
  response.on('close', () => source.destroy()) // pipe() leaves it open where the response does not finish
  source.pipe(response)
}

function keepIn(set, stream) {
  set.add(stream)
  stream.on('close', () => set.delete(stream))
}

// Other than once(), whatever else happens to it.
const closeOf = (socket) => new Promise((resolve) => socket.once('close', resolve))

process.on('message', async (question) => {
  if (question === 'when idle') {
    while (sockets.size + sources.size > 0) await closeOf([...sockets, ...sources][0])
  }
  globalThis.gc?.()
  process.send({
    stats: getStats(),
    connections: sockets.size,
    rssBytes: process.memoryUsage.rss(),
    descriptors: readdirSync('/proc/self/fd').length - 1, // without the one that reads them
    threads: threadNames().filter((name) => name !== 'ktls-disk').length, // those start when a file is on a disk
    delayMs: { p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 },
  })
  delay.reset()
})
process.on('disconnect', () => process.exit())
