// An https server in a process of its own, which a test starts by start-file-server.ts and asks things. It serves the
// file in FILE, with or without the package.

import { createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:https'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { getStats, install } from 'ktls-pipe'

install({ tls: { minimumBytes: 0 } })

const { KEY: key, CERT: cert, FILE: file } = process.env
const size = statSync(file).size
const sockets = new Set()
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()

const server = createServer({ key, cert }, (_request, response) => {
  response.setHeader('Content-Length', size)
  createReadStream(file).pipe(response)
})
server.on('secureConnection', (socket) => {
  sockets.add(socket)
  socket.on('error', () => {}) // clients come and go as they like
  socket.on('close', () => sockets.delete(socket))
})
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))

process.on('message', () => {
  process.send({
    stats: getStats(),
    connections: sockets.size,
    rssBytes: process.memoryUsage.rss(),
    delayMs: { p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 },
  })
  delay.reset()
})
process.on('disconnect', () => process.exit())
