// A program of a test: fetches FILE from itself over TLS of VERSION, and adds 'keylog' listeners before, between and
// after files. Prints the labels of the lines that each of them heard, and the digests of what came. That it does not
// know ktls-pipe is the point of it.

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, statSync } from 'node:fs'
import https from 'node:https'

const { KEY: key, CERT: cert, FILE, VERSION } = process.env

const server = https.createServer({ key, cert, minVersion: VERSION, maxVersion: VERSION }, (_request, response) => {
  createReadStream(FILE).pipe(response.setHeader('Content-Length', statSync(FILE).size))
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')

const heard = {}
const digests = []

function listen(emitter, name) {
  const labels = []
  heard[name] = labels
  emitter.on('keylog', (line) => labels.push(String(line).split(' ')[0]))
}

const newAgent = () => new https.Agent({ ca: cert, keepAlive: true, maxSockets: 1, maxCachedSessions: 0 })

async function fetch(agent) {
  const served = once(server, 'request').then(async ([{ socket }, response]) => {
    await once(response, 'finish')
    return socket
  })
  const outgoing = https.get({ agent, host: '127.0.0.1', servername: 'localhost', port: server.address().port })
  const [incoming] = await once(outgoing, 'response')
  const client = incoming.socket
  const hash = createHash('sha256')
  for await (const chunk of incoming) hash.update(chunk)
  digests.push(hash.digest('hex'))
  return { served: await served, client }
}

const [early, middle, late] = [newAgent(), newAgent(), newAgent()]
const { served, client } = await fetch(early)
listen(server, 'server, before a file')
listen(middle, 'agent, before a file')
const between = await fetch(middle)
listen(between.served, 'server, between files')
listen(between.client, 'client, between files')
await fetch(middle)
await fetch(early)
listen(served, 'server, after the files')
listen(client, 'client, after the files')
await fetch(late)
for (const agent of [early, middle, late]) agent.destroy()
server.close()
console.log(JSON.stringify({ heard, digests }))
