// What tells a wrong build from a right one where an ordinary download would not: scripts/wrong-builds.mjs makes the
// mistakes.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import type http from 'node:http'
import type { TLSSocket } from 'node:tls'
import { getOffloadState, install, uninstall } from 'ktls-pipe'
import t, { type Test } from 'tap'
import { cipherSuites, onlySuite, suiteName } from '../support/cipher-suites.js'
import { sha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { oneConnection, receive, request, type Scheme } from '../support/http-client.js'
import { expectOffloaded, onlyWithKernelTls, startCounting } from '../support/kernel.js'
import { connectOverWire } from '../support/raw-tls-client.js'
import { startHttp, startHttps } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

const alertRecordBytes = { 'TLSv1.3': 24, 'TLSv1.2': 31 } // of AES-GCM, header included

const schemes: readonly Scheme[] = ['http', 'https']

t.setTimeout(timeLimitMs)
install({ tls: { minimumBytes: 0 }, tcp: { minimumBytes: 0 } })

t.test('a record that the client spoils after the hand-over is answered by one alert', async (t) => {
  const file = writeRandomFile(temporaryFolder(t), 300_000)
  for (const suite of cipherSuites.filter(({ openssl }) => openssl.includes('AES128') || openssl.includes('AES_128'))) {
    await t.test(suiteName(suite), onlyWithKernelTls, async (t) => {
      const served: TLSSocket[] = []
      const { server, port } = await startHttps(
        t,
        (request, response) => {
          served.push(request.socket as TLSSocket)
          response.setHeader('Content-Length', file.size)
          fs.createReadStream(file.path).pipe(response)
        },
        onlySuite(suite),
      )
      server.on('clientError', (_error, socket) => socket.destroy())
      const { wire, client } = await connectOverWire(port)
      client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
      t.equal(sha256(await readBody(client, file.size)), file.sha256, 'the body is right')
      t.equal(getOffloadState(served[0] as TLSSocket).encryption, 'kernel')

      const before = wire.records.length
      const failed = once(client, 'error')
      wire.spoilNext = true
      client.write('GET /again HTTP/1.1\r\nHost: localhost\r\n\r\n')
      const [error] = (await failed) as [NodeJS.ErrnoException]
      t.match(error.code, /ALERT_BAD_RECORD_MAC/, 'the client hears what was wrong')
      if (!wire.closed) await once(wire, 'close')
      const after = wire.records.slice(before)
      const expected = alertRecordBytes[suite.version as keyof typeof alertRecordBytes]
      t.same(
        after.map(({ size }) => size),
        [expected],
        'one alert, and nothing else, is on the wire',
      )
    })
  }
})

t.test('a child that is spawned during a transfer does not hold the connection', async (t) => {
  const file = writeRandomFile(temporaryFolder(t), 64 * 1024 * 1024)
  for (const scheme of schemes) {
    await t.test(scheme, async (t) => {
      let response: http.ServerResponse | undefined
      const port = await start(t, scheme, (_request, own) => {
        response = own
        fs.createReadStream(file.path).pipe(own)
      })
      const count = startCounting()
      const incoming = await request(scheme, port)
      await once(incoming, 'readable') // the transfer is under way, and stalls for want of a reader
      expectOffloaded(t, scheme, count(), 1)
      const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] })
      await once(child, 'spawn')
      response?.destroy()
      const { aborted } = await receive(incoming)
      t.equal(aborted, true, 'the client hears of the end')
      t.equal(child.exitCode, null, 'while the child lives on')
      child.stdin?.end()
      await once(child, 'exit')
    })
  }
})

t.test("a range that reaches Node's own write destroys the connection", async (t) => {
  const file = writeRandomFile(temporaryFolder(t), 300_000)
  for (const scheme of schemes) {
    await t.test(scheme, scheme === 'https' ? onlyWithKernelTls : {}, async (t) => {
      const agent = oneConnection(scheme)
      t.teardown(() => agent.destroy())
      const errors: unknown[] = []
      let finished: Promise<unknown> | undefined
      let closed: Promise<unknown> | undefined
      const port = await start(t, scheme, (request, response) => {
        const { socket } = request
        if (request.url === '/again') {
          closed = new Promise((resolve) => socket.once('close', resolve))
          socket.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code))
          // When the range is in the queue already: before, it is a reason not to offload.
          const { uncork } = socket
          socket.uncork = () => {
            for (const method of ['_write', '_writev'] as const) Reflect.deleteProperty(socket, method)
            uncork.call(socket)
          }
        }
        finished ??= once(response, 'finish')
        response.setHeader('Content-Length', file.size)
        fs.createReadStream(file.path).pipe(response)
      })
      const first = await receive(await request(scheme, port, { agent }))
      t.equal(sha256(first.bytes), file.sha256, 'before that, the body is right')
      await finished // what ends the first response uncorks the socket as well
      const failure = await request(scheme, port, { agent, path: '/again' }).then(receive, (error: Error) => error)
      // Over TLS not even the head may leave: OpenSSL has no place to write to.
      if (failure instanceof Error) t.equal(scheme, 'https')
      else t.match(failure, { aborted: true, bytes: Buffer.alloc(0) }, 'no bytes come in its place')
      await closed
      t.same(errors, ['ERR_KTLS_RANGE_NOT_SENT'])
    })
  }
})

t.test('pipe is intercepted while installed, and only then', async (t) => {
  t.ok(Object.hasOwn(fs.ReadStream.prototype, 'pipe'))
  const file = writeRandomFile(temporaryFolder(t), 300_000)
  const states: unknown[] = []
  const { port } = await startHttp(t, (_request, response) => {
    response.on('finish', () => states.push(getOffloadState(response)))
    fs.createReadStream(file.path).pipe(response)
  })
  t.equal(sha256((await receive(await request('http', port))).bytes), file.sha256)
  uninstall()
  t.notOk(Object.hasOwn(fs.ReadStream.prototype, 'pipe'))
  t.equal(sha256((await receive(await request('http', port))).bytes), file.sha256)
  t.same(states, [
    { encryption: 'none', bytesOffloaded: file.size },
    { encryption: 'none', bytesOffloaded: 0 },
  ])
})

async function start(t: Test, scheme: Scheme, listener: http.RequestListener): Promise<number> {
  const { port } = scheme === 'https' ? await startHttps(t, listener) : await startHttp(t, listener)
  return port
}

/** The head ends at the first empty line; `size` bytes of body follow it. */
function readBody(client: TLSSocket, size: number): Promise<Buffer> {
  let received = Buffer.alloc(0)
  return new Promise((resolve) => {
    client.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      const bodyStart = received.indexOf('\r\n\r\n') + 4
      if (bodyStart >= 4 && received.length >= bodyStart + size) resolve(received.subarray(bodyStart))
    })
  })
}
