// Files to clients that are not Node: over sessions that they resume, with a certificate of their own, with the server's
// context chosen by name. None of them may call it truncated where the body ends with the connection.

import { once } from 'node:events'
import { createReadStream, readFileSync, writeFileSync } from 'node:fs'
import type http from 'node:http'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import tls, { type SecureVersion, type TLSSocket } from 'node:tls'
import { getOffloadState, install, type OffloadState } from 'ktls-pipe'
import t, { type Test } from 'tap'
import { certificate } from '../support/certificate.js'
import { sha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { kernelTls } from '../support/kernel.js'
import { peerCommand } from '../support/peers.js'
import { runProgram } from '../support/run-program.js'
import { startHttps } from '../support/servers.js'
import { rememberSessions } from '../support/session-store.js'
import { timeLimitMs } from '../support/time-limit.js'

t.setTimeout(timeLimitMs)
install({ tls: { minimumBytes: 0 } })

const folder = temporaryFolder(t)
const file = writeRandomFile(folder, 50_001) // gnutls-cli writes each byte of it by a call of its own
const own = await certificate() // of localhost
const other = await certificate('ec', 'other.example')
const caFile = store('ca.pem', own.cert)
const clientCertificate = { cert: store('client.pem', other.cert), key: store('client.key', other.key) }

interface Errand {
  port: number
  /** A second connection is made that resumes the session of the first, and each fetches what it can. */
  resume: boolean
  certificate?: { cert: string; key: string }
}

/** What was said on standard error, and the bodies. */
interface Fetched {
  code: number | null
  stderr: string
  bodies: string[]
}

type Fetch = (t: Test, errand: Errand) => Promise<Fetched>

/** What the server saw of a connection. */
interface Served {
  reused: boolean
  authorized: boolean
  servername: string | false | null
  state: OffloadState
}

const clients: Record<string, { fetch: Fetch; resumes: boolean }> = {
  'curl (OpenSSL)': { fetch: fetchByCurl, resumes: true },
  gnutls: { fetch: fetchByGnutls, resumes: true },
  'wget (GnuTLS)': { fetch: fetchByWget, resumes: false }, // it has no means to
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as SecureVersion[]) {
  for (const [name, { fetch, resumes }] of Object.entries(clients)) {
    t.test(`${version}, ${name}`, async (t) => {
      const only = { minVersion: version, maxVersion: version }

      await t.test('a second connection', async (t) => {
        const served = await serveTo(t, fetch, only, { resume: true })
        t.equal(served.at(-1)?.reused, resumes, 'resumes the session where the client can')
      })

      await t.test("the client's certificate", async (t) => {
        const options = { ...only, requestCert: true, rejectUnauthorized: true, ca: other.cert }
        const [served] = await serveTo(t, fetch, options, { resume: false, certificate: clientCertificate })
        t.equal(served?.authorized, true, 'is accepted')
      })

      await t.test('a context that SNICallback makes', async (t) => {
        const SNICallback = (name: string, done: (error: Error | null, context?: tls.SecureContext) => void) =>
          setImmediate(() => done(null, name === 'localhost' ? tls.createSecureContext(own) : undefined))
        const [served] = await serveTo(t, fetch, { ...only, ...other, SNICallback }, { resume: false })
        t.equal(served?.servername, 'localhost', 'is the one that the client verifies')
      })
    })
  }
}

async function serveTo(t: Test, fetch: Fetch, options: tls.TlsOptions, errand: Omit<Errand, 'port'>) {
  const served: Served[] = []
  const { port, server } = await startHttps(t, serve, options)
  rememberSessions(server) // curl asks for no tickets over TLS 1.2
  server.on('request', async ({ socket }: { socket: TLSSocket }, response: http.ServerResponse) => {
    const { authorized, servername } = socket as TLSSocket & { servername: string }
    const seen = { reused: socket.isSessionReused(), authorized, servername }
    await once(response, 'close')
    served.push({ ...seen, state: getOffloadState(response) })
  })
  const { code, stderr, bodies } = await fetch(t, { port, ...errand })
  t.equal(code, 0, 'the client is content', { stderr })
  t.same(bodies.map(sha256Of), new Array(served.length).fill(file.sha256), 'every byte is right')
  t.ok(served.length > 0)
  for (const { state } of served) {
    if (kernelTls) t.same(state, { encryption: 'kernel', bytesOffloaded: file.size }, 'by the kernel')
    else t.equal(state.fallbackReason, 'kernel-tls-unavailable')
  }
  return served
}

/** The connection's end is the body's. */
function serve(_request: http.IncomingMessage, response: http.ServerResponse): void {
  response.useChunkedEncodingByDefault = false
  response.setHeader('Connection', 'close')
  createReadStream(file.path).pipe(response)
}

async function fetchByCurl(t: Test, { port, resume, certificate }: Errand): Promise<Fetched> {
  const bodies = temporaryFolder(t)
  const one = (index: number) => ['--output', join(bodies, `${index}`), `https://localhost:${port}/`]
  const { code, stderr } = await runProgram(
    peerCommand('curl'),
    [
      ...['--disable', '--silent', '--show-error', '--ipv4', '--cacert', caFile],
      ...(certificate ? ['--cert', certificate.cert, '--key', certificate.key] : []),
      ...(resume ? [0, 1] : [0]).flatMap(one),
    ],
    buffer,
  )
  return { code, stderr, bodies: (resume ? [0, 1] : [0]).map((index) => readBody(join(bodies, `${index}`))) }
}

async function fetchByWget(t: Test, { port, resume, certificate }: Errand): Promise<Fetched> {
  const bodies = temporaryFolder(t)
  const names = resume ? ['0', '1'] : ['0']
  const { code, stderr } = await runProgram(
    peerCommand('wget'),
    [
      ...['--no-config', '--no-verbose', '--tries=1', '--timeout=120', '--inet4-only', `--ca-certificate=${caFile}`],
      ...(certificate ? [`--certificate=${certificate.cert}`, `--private-key=${certificate.key}`] : []),
      `--directory-prefix=${bodies}`,
      ...names.map((name) => `https://localhost:${port}/${name}`),
    ],
    buffer,
  )
  return { code, stderr, bodies: names.map((name) => readBody(join(bodies, name))) }
}

// It makes the connection whose session it resumes for nothing else.
async function fetchByGnutls(t: Test, { port, resume, certificate }: Errand): Promise<Fetched> {
  const log = join(temporaryFolder(t), 'log')
  const request = 'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n'
  const { code, stderr, output } = await runProgram(
    peerCommand('gnutls-cli'),
    [
      ...[`--logfile=${log}`, `--x509cafile=${caFile}`, `--port=${port}`],
      ...(certificate ? [`--x509certfile=${certificate.cert}`, `--x509keyfile=${certificate.key}`] : []),
      ...(resume ? ['--resume', '--waitresumption'] : []),
      'localhost',
    ],
    buffer,
    request,
  )
  return { code, stderr: stderr + readFileSync(log, 'latin1'), bodies: bodiesOf(output) }
}

/** Of responses in which each follows the end of the one before. */
function bodiesOf(responses: Buffer): string[] {
  return responses
    .toString('latin1')
    .split(/HTTP\/1\.1 200 OK\r\n(?:.+\r\n)+\r\n/)
    .slice(1)
}

function readBody(path: string): string {
  return readFileSync(path, 'latin1')
}

function sha256Of(body: string): string {
  return sha256(Buffer.from(body, 'latin1'))
}

function store(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
