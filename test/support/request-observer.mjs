// Preloaded into a server under test: tells its parent how each request came.

import { subscribe } from 'node:diagnostics_channel'

subscribe('http.server.request.start', ({ request, socket }) => {
  const { name } = socket.getCipher()
  process.send({ url: request.url, version: socket.getProtocol(), cipher: name })
})
process.channel.unref()
process.on('disconnect', () => process.exit())
