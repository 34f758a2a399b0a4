// A server that is started by a test: lets Node trace sessions, whose output on stderr is why this is a process of its
// own. TRACE=1: all of them, from their beginning. Otherwise the path of a request says when. It serves the file in FILE
// and tells its parent the counters after each answer.

import { createReadStream } from 'node:fs'
import { createServer } from 'node:https'
import { getOffloadState, getStats, install } from 'ktls-pipe'

install({ tls: { minimumBytes: 0 } })

const { KEY: key, CERT: cert, FILE, TRACE } = process.env

// An option of false would outdo --trace-tls.
const traceAll = TRACE === '1' ? { enableTrace: true } : {}
const server = createServer({ key, cert, ...traceAll }, ({ url, socket }, response) => {
  // Takes OpenSSL's only message callback.
  if (url === '/traced' || url === '/traced-silently') socket.enableTrace()
  if (url === '/traced') response.write('x')
  response.on('finish', () => {
    if (url === '/traced-later') socket.enableTrace()
    process.send({ stats: getStats(), state: getOffloadState(response) })
  })
  createReadStream(FILE).pipe(response)
})
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
process.on('disconnect', () => {
  server.close()
  server.closeAllConnections()
})
