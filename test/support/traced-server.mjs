// A server that is started by a test: lets Node trace sessions, whose output on stderr is why this is a process of its
// own. TRACE=1: all of them, from their beginning. Otherwise the path of a request says when. It serves the file in FILE
// and tells its parent the counters after each answer. WORDS=1: without HTTP, to whoever says a word, which may be `trace`
// with another word behind it.

import { createReadStream } from 'node:fs'
import { createServer } from 'node:https'
import tls from 'node:tls'
import { getOffloadState, getStats, install } from 'ktls-pipe'

install({ tls: { minimumBytes: 0 } })

const { KEY: key, CERT: cert, FILE, TRACE, WORDS } = process.env

// An option of false would outdo --trace-tls.
const traceAll = TRACE === '1' ? { enableTrace: true } : {}
const server =
  WORDS === '1' ? tls.createServer({ key, cert }, answer) : createServer({ key, cert, ...traceAll }, respond)

function respond({ url, socket }, response) {
  // Takes OpenSSL's only message callback.
  if (url === '/traced' || url === '/traced-silently') socket.enableTrace()
  if (url === '/traced') response.write('x')
  response.on('finish', () => {
    if (url === '/traced-later') socket.enableTrace()
    process.send({ stats: getStats(), state: getOffloadState(response) })
  })
  createReadStream(FILE).pipe(response)
}

function answer(socket) {
  socket.on('finish', () => process.send({ stats: getStats(), state: getOffloadState(socket) }))
  socket.once('data', (word) => {
    if (String(word) !== 'trace\n') return createReadStream(FILE).pipe(socket)
    socket.enableTrace()
    socket.once('data', () => createReadStream(FILE).pipe(socket))
    process.send({ tracing: true })
  })
}

server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
process.on('disconnect', () => {
  server.close()
  server.closeAllConnections?.()
})
