// A program of a test: a small answer and the file in FILE over one connection, then the same over a session that is
// resumed; VERSION is that of TLS. Prints what both ends say of their session after each answer. That it does not know
// ktls-pipe is the point of it.

import { once } from 'node:events'
import { createReadStream, statSync } from 'node:fs'
import https from 'node:https'

const { KEY: key, CERT: cert, FILE, VERSION } = process.env
const tlsOptions = { key, cert, ca: cert, minVersion: VERSION, maxVersion: VERSION, ALPNProtocols: ['http/1.1'] }

const server = https.createServer({ ...tlsOptions, requestCert: true }, (request, response) => {
  if (request.url === '/file') createReadStream(FILE).pipe(response.setHeader('Content-Length', statSync(FILE).size))
  else response.end('small')
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address()

const hex = (bytes) => bytes?.toString('hex')

function describe(socket) {
  return {
    session: hex(socket.getSession()),
    finished: hex(socket.getFinished()),
    peerFinished: hex(socket.getPeerFinished()),
    keyingMaterial: hex(socket.exportKeyingMaterial(48, 'EXPERIMENTAL-test', Buffer.from('context'))),
    certificate: socket.getCertificate()?.fingerprint256,
    peerCertificate: socket.getPeerCertificate(true)?.fingerprint256,
    cipher: socket.getCipher(),
    protocol: socket.getProtocol(),
    ephemeralKey: socket.getEphemeralKeyInfo(),
    signatureAlgorithms: socket.getSharedSigalgs(),
    reused: socket.isSessionReused(),
    alpn: socket.alpnProtocol,
    servername: socket.servername,
    authorized: socket.authorized,
    encrypted: socket.encrypted,
    bytesWritten: socket.bytesWritten,
    bytesRead: socket.bytesRead,
  }
}

async function exchange(agent, path) {
  const served = once(server, 'request').then(async ([{ socket }, response]) => {
    await once(response, 'finish')
    return socket
  })
  const outgoing = https.get({ agent, path, host: '127.0.0.1', servername: 'localhost', port })
  const [incoming] = await once(outgoing, 'response')
  const client = incoming.socket
  let size = 0
  incoming.on('data', (chunk) => {
    size += chunk.length
  })
  await once(incoming, 'end')
  return { size, server: describe(await served), client: describe(client) }
}

async function connection(session) {
  const agent = new https.Agent({ ...tlsOptions, keepAlive: true, maxSockets: 1, session })
  let latest
  agent.on('free', (socket) => {
    latest = socket.getSession()
  })
  const small = await exchange(agent, '/small')
  const file = await exchange(agent, '/file')
  agent.destroy()
  return { small, file, latest }
}

const first = await connection(undefined)
const resumed = await connection(first.latest)
console.log(JSON.stringify([first, resumed].map(({ small, file }) => ({ small, file }))))
server.close()
