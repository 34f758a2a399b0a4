// Files over sessions of every making: resumed ones, by a shared key, with a client's certificate, with contexts that are
// chosen by name. Each is handed over like any other, and so is the session that resumes it.

import { constants } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import type http from 'node:http'
import https from 'node:https'
import tls, { type SecureVersion, type TLSSocket } from 'node:tls'
import { getOffloadState, install, type OffloadState } from 'ktls-pipe'
import t, { type Test } from 'tap'
import { certificate } from '../support/certificate.js'
import { sha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { receive } from '../support/http-client.js'
import { kernelTls } from '../support/kernel.js'
import { type RunningServer, startHttps } from '../support/servers.js'
import { rememberSessions } from '../support/session-store.js'
import { timeLimitMs } from '../support/time-limit.js'

t.setTimeout(timeLimitMs)
install({ tls: { minimumBytes: 0 } })

const other = await certificate('ec', 'other.example')
const file = writeRandomFile(temporaryFolder(t), 300_001)
const psk = Buffer.from('a key that both ends were given')
const stapled = Buffer.from('what a responder said')

/** What an end of the connection says of it. */
interface End {
  reused: boolean
  authorized: boolean
  cipher: string
  alpn: string | false | null
  /** The subject of the peer's certificate. */
  peer: string | undefined
  ticket: boolean
}

interface Exchange {
  body: string
  state: OffloadState
  server: End
  client: End
  session: Buffer | undefined
  stapled: Buffer | undefined
}

// What https.request() does not use itself goes to tls.connect().
type ClientOptions = https.RequestOptions & Omit<tls.ConnectionOptions, keyof https.RequestOptions>

interface Case {
  versions?: SecureVersion[]
  server?: https.ServerOptions
  client?: ClientOptions
  /** Before the server is asked for anything. */
  prepare?: (server: https.Server) => void
  /** What makes this session what it is, of the first and of the resumed one. */
  check: (t: Test, exchange: Exchange, resumed: boolean) => void
}

const bothVersions: SecureVersion[] = ['TLSv1.2', 'TLSv1.3']
let resumedSessions: string[] = []

const cases: Record<string, Case> = {
  'by a ticket': { check: (t, { server }, resumed) => t.equal(server.reused, resumed) },
  'by a session id': {
    versions: ['TLSv1.2'],
    server: { secureOptions: constants.SSL_OP_NO_TICKET },
    prepare(server) {
      resumedSessions = rememberSessions(server)
    },
    check: (t, { client }, resumed) => {
      t.equal(client.ticket, false, 'there are no tickets')
      t.equal(resumedSessions.length, resumed ? 1 : 0, 'the server was asked for the session')
    },
  },
  'with a shared key': { versions: ['TLSv1.2'], ...withSharedKey('PSK-AES256-GCM-SHA384') },
  'with a shared key and an exchanged one': { versions: ['TLSv1.2'], ...withSharedKey('ECDHE-PSK-CHACHA20-POLY1305') },
  'with a shared key for an external PSK': { versions: ['TLSv1.3'], ...withSharedKey('TLS_AES_128_GCM_SHA256') },
  "with a client's certificate": {
    server: { requestCert: true, rejectUnauthorized: true, ca: other.cert },
    client: other,
    check: (t, { server }) => t.equal(server.authorized, true, 'which the server accepts'),
  },
  'with a context of addContext()': {
    client: { servername: 'other.example' },
    prepare: (server) => server.addContext('other.example', other),
    check: expectCertificateOf('other.example'),
  },
  'with a context that SNICallback makes': {
    server: { SNICallback: (_name, done) => setImmediate(() => done(null, tls.createSecureContext(other))) },
    client: { servername: 'other.example' },
    check: expectCertificateOf('other.example'),
  },
  'with an SNICallback that knows no other context': {
    server: { SNICallback: (_name, done) => setImmediate(() => done(null)) },
    client: { servername: 'other.example' },
    check: expectCertificateOf('localhost'),
  },
  'with ALPN': {
    server: { ALPNProtocols: ['http/1.1'] },
    client: { ALPNProtocols: ['http/1.1'] },
    check: (t, { server, client }) => t.same([server.alpn, client.alpn], ['http/1.1', 'http/1.1']),
  },
  'with OCSP stapling': {
    client: { requestOCSP: true } as ClientOptions,
    prepare: (server) => server.on('OCSPRequest', (_cert, _issuer, done) => setImmediate(done, null, stapled)),
    check: (t, exchange, resumed) => {
      if (!resumed) t.same(exchange.stapled, stapled)
    },
  },
}

for (const [name, { versions = bothVersions, server, client, prepare, check }] of Object.entries(cases)) {
  for (const version of versions) {
    t.test(`${version} ${name}`, async (t) => {
      const only = { minVersion: version, maxVersion: version }
      const running = await startHttps(t, serve, { ...server, ...only })
      prepare?.(running.server)
      const first = await exchange(running, { ...client, ...only })
      expectFile(t, first)
      check(t, first, false)
      t.type(first.session, Buffer, 'the client may resume the session')
      const second = await exchange(running, { ...client, ...only, session: first.session })
      expectFile(t, second)
      t.equal(second.server.reused, true, 'it is resumed, says the server')
      t.equal(second.client.reused, true, 'and the client')
      check(t, second, true)
    })
  }
}

function serve(_request: http.IncomingMessage, response: http.ServerResponse): void {
  response.setHeader('Content-Length', file.size)
  createReadStream(file.path).pipe(response)
}

/** One request on a connection of its own. */
async function exchange({ server, port }: RunningServer<https.Server>, options: ClientOptions): Promise<Exchange> {
  const served = once(server, 'request').then(async ([{ socket }, response]) => {
    const end = endOf(socket)
    await once(response, 'close') // the client may leave before it is finished
    return { server: end, state: getOffloadState(response) }
  })
  const all: ClientOptions = { host: '127.0.0.1', port, agent: false, rejectUnauthorized: false, ...options }
  const outgoing = https.request(all)
  const found: Pick<Exchange, 'session' | 'stapled'> = { session: undefined, stapled: undefined }
  outgoing.once('socket', (socket) => {
    socket.on('session', (session: Buffer) => Object.assign(found, { session }))
    socket.on('OCSPResponse', (stapled: Buffer) => Object.assign(found, { stapled }))
  })
  outgoing.end()
  const [incoming] = (await once(outgoing, 'response')) as [http.IncomingMessage]
  const client = endOf(incoming.socket as TLSSocket)
  const { bytes } = await receive(incoming)
  return { body: sha256(bytes), client, ...(await served), ...found }
}

function endOf(socket: TLSSocket): End {
  return {
    reused: socket.isSessionReused(),
    authorized: socket.authorized,
    cipher: socket.getCipher().name,
    alpn: socket.alpnProtocol,
    peer: socket.getPeerX509Certificate()?.subject,
    ticket: socket.getTLSTicket() !== undefined,
  }
}

function expectFile(t: Test, { body, state }: Exchange): void {
  t.equal(body, file.sha256, 'every byte is right')
  if (kernelTls) t.same(state, { encryption: 'kernel', bytesOffloaded: file.size }, 'by the kernel')
  else t.same(state, { encryption: 'userspace', bytesOffloaded: 0, fallbackReason: 'kernel-tls-unavailable' })
}

// A resumed session comes without one.
function expectCertificateOf(host: string): Case['check'] {
  return (t, { client }, resumed) => {
    if (!resumed) t.equal(client.peer, `CN=${host}`, 'the certificate is that of the context')
  }
}

function withSharedKey(ciphers: string): Pick<Case, 'server' | 'client' | 'check'> {
  const pskCallback = () => ({ psk, identity: 'tester' })
  return {
    server: {
      ...{ ciphers, key: undefined, cert: undefined, pskIdentityHint: 'testers' },
      pskCallback: (_socket, identity) => (identity === 'tester' ? psk : null),
    },
    client: { ciphers, pskCallback, checkServerIdentity: () => undefined },
    check: (t, { client }) => t.match(client, { cipher: ciphers, peer: undefined }, 'and without a certificate'),
  }
}
