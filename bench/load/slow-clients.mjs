// Connections that are idle, and then download and hardly read. A process of its own: `node slow-clients.mjs URL COUNT
// PATH`. On "download" from its parent each connection asks for PATH and stops reading after the first bytes.

import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'

const [url, count, path] = process.argv.slice(2)
const { protocol, hostname, port } = new URL(url)
const connectionsAtOnce = 50

const sockets = []
for (let left = Number(count); left > 0; left -= connectionsAtOnce) {
  const opened = Array.from({ length: Math.min(left, connectionsAtOnce) }, open)
  sockets.push(...(await Promise.all(opened)))
}
process.send('idle')
await once(process, 'message')
await Promise.all(sockets.map(begin))
process.send('downloading')
process.on('disconnect', () => process.exit())

/** A connection that has had its first answer. */
async function open() {
  const options = { host: hostname, port: Number(port), rejectUnauthorized: false }
  const socket = protocol === 'https:' ? connectTls(options) : connectTcp(options)
  await once(socket, protocol === 'https:' ? 'secureConnect' : 'connect')
  socket.write(`GET /json HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`)
  await once(socket, 'data')
  return socket
}

async function begin(socket) {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`)
  await once(socket, 'data')
  socket.pause()
}
