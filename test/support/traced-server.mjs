// A server that is started by a test: before it answers /traced it lets Node trace the session, whose output on stderr is
// why this is a process of its own. It serves the file in FILE and tells its parent the counters after each answer.

import { createReadStream } from 'node:fs'
import { createServer } from 'node:https'
import { getOffloadState, getStats, install } from 'ktls-pipe'

install({ tls: { minimumBytes: 0 } })

const server = createServer({ key: process.env.KEY, cert: process.env.CERT }, (request, response) => {
  if (request.url === '/traced') {
    request.socket.enableTrace() // takes OpenSSL's only message callback
    response.write('x')
  }
  response.on('finish', () => process.send({ stats: getStats(), state: getOffloadState(response) }))
  createReadStream(process.env.FILE).pipe(response)
})
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
process.on('disconnect', () => process.exit())
