// A program of a test: has a TLS connection to itself when it imports the package, and serves FILE twice over that
// connection, then over one that the same server accepts later. Prints digests, states and counters.

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, statSync } from 'node:fs'
import https from 'node:https'

const { KEY: key, CERT: cert, FILE, VERSION } = process.env

const server = https.createServer({ key, cert, minVersion: VERSION, maxVersion: VERSION }, (request, response) => {
  if (request.url === '/small') response.end('small')
  else createReadStream(FILE).pipe(response.setHeader('Content-Length', statSync(FILE).size))
})
server.keepAliveTimeout = 0 // the import takes its time on a slow machine
server.listen(0, '127.0.0.1')
await once(server, 'listening')

const newAgent = () => new https.Agent({ ca: cert, keepAlive: true, maxSockets: 1 })

async function fetch(agent, path) {
  const served = once(server, 'request').then(async ([, response]) => {
    await once(response, 'finish')
    return response
  })
  const outgoing = https.get({ agent, path, host: '127.0.0.1', servername: 'localhost', port: server.address().port })
  const [incoming] = await once(outgoing, 'response')
  const hash = createHash('sha256')
  for await (const chunk of incoming) hash.update(chunk)
  return { digest: hash.digest('hex'), response: await served }
}

const [early, late] = [newAgent(), newAgent()]
await fetch(early, '/small')

const { getOffloadState, getStats, install } = await import('ktls-pipe')
install()

const fetched = []
for (const agent of [early, early, late]) {
  const { digest, response } = await fetch(agent, '/file')
  fetched.push({ digest, state: getOffloadState(response) })
}
early.destroy()
late.destroy()
server.close()
console.log(JSON.stringify({ fetched, stats: getStats() }))
