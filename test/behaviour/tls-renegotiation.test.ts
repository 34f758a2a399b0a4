// Renegotiation of TLS 1.2, asked for by the server's socket and by openssl s_client: before the first file it changes
// the keys that are handed over; afterwards there is none, and the connection goes on under its keys.

import { once } from 'node:events'
import { createReadStream, readFileSync } from 'node:fs'
import type http from 'node:http'
import tls, { type SecureVersion, type TLSSocket } from 'node:tls'
import { getOffloadState, install, type OffloadState } from 'ktls-pipe'
import t, { type Test } from 'tap'
import { sha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { oneConnection, receive, request } from '../support/http-client.js'
import { kernelTls, positive, startCounting } from '../support/kernel.js'
import { openssl } from '../support/openssl-client.js'
import { startHttps, startTls } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

t.setTimeout(timeLimitMs)
install({ tls: { minimumBytes: 0 } })

const file = writeRandomFile(temporaryFolder(t), 300_001)
const content = readFileSync(file.path)
const offloaded: OffloadState = kernelTls
  ? { encryption: 'kernel', bytesOffloaded: file.size }
  : { encryption: 'userspace', bytesOffloaded: 0, fallbackReason: 'kernel-tls-unavailable' }

t.test("asked for by the server's socket", async (t) => {
  await t.test('before the first file', async (t) => {
    const { results, states } = await exchangeTwice(t, 'TLSv1.2', '/small', '/file')
    t.same(results, [null], 'there is one')
    t.same(states, [offloaded], 'and the file takes the new keys')
  })

  await t.test('after a file', async (t) => {
    const { results, states } = await exchangeTwice(t, 'TLSv1.2', '/file', '/file')
    t.match(results, [kernelTls ? { code: 'ERR_SSL_NO_RENEGOTIATION' } : null], 'there is none after the hand-over')
    t.same(states, [offloaded, offloaded], 'the connection goes on')
  })

  await t.test('after a file, TLS 1.3', async (t) => {
    const { results, states } = await exchangeTwice(t, 'TLSv1.3', '/file', '/file')
    t.match(results, [{ code: 'ERR_SSL_WRONG_SSL_VERSION' }], 'which has none')
    t.same(states, [offloaded, offloaded], 'the connection goes on')
  })
})

/** Two requests on one connection; the server asks for renegotiation between them. */
async function exchangeTwice(t: Test, version: SecureVersion, ...paths: ['/small' | '/file', '/file']) {
  const results: unknown[] = []
  const { server, port, states } = await startServer(t, version)
  const agent = oneConnection('https')
  t.teardown(() => agent.destroy())
  for (const [index, path] of paths.entries()) {
    const served = once(server, 'request')
    const incoming = await request('https', port, { agent, path })
    const { bytes } = await receive(incoming)
    t.equal(sha256(bytes), path === '/file' ? file.sha256 : sha256('small'), 'every byte is right')
    const [{ socket }, response] = (await served) as [http.IncomingMessage, http.ServerResponse]
    if (!response.writableFinished) await once(response, 'finish')
    if (index > 0) continue
    results.push(await new Promise((resolve) => (socket as TLSSocket).renegotiate({}, resolve)))
  }
  return { results, states }
}

t.test('asked for by the client', async (t) => {
  const get = (path: string, connection = 'keep-alive') =>
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: ${connection}\r\n\r\n`

  await t.test('before the first file', async (t) => {
    const { port, states } = await startServer(t, 'TLSv1.2')
    const count = startCounting()
    const client = openssl(port, ['-tls1_2'])
    client.type(get('/small'))
    await client.untilPrinted('small')
    client.type('R\n')
    await client.untilComplained('RENEGOTIATING')
    client.type(get('/file', 'close'))
    const { code, printed } = await client.ended
    t.equal(code, 0)
    t.ok(printed.includes(content), 'every byte is right')
    t.same(states, [offloaded], 'and the file takes the new keys')
    if (kernelTls) t.same(positive(count().fallbacks), {})
  })

  await t.test('after a file', async (t) => {
    const { server, port, states } = await startServer(t, 'TLSv1.2')
    const client = openssl(port, ['-tls1_2'])
    const answered = once(server, 'request').then(([, response]) => once(response as http.ServerResponse, 'finish'))
    client.type(get('/file'))
    await Promise.all([client.untilPrintedBytes(file.size), answered]) // a refusal makes the client leave
    client.type('R\n')
    await client.untilComplained('RENEGOTIATING')
    if (!kernelTls) client.type(get('/file', 'close'))
    const { code, printed, complained } = await client.ended
    t.ok(printed.includes(content), 'every byte is right')
    t.same(states, kernelTls ? [offloaded] : [offloaded, offloaded])
    if (kernelTls) t.match(complained, /no.renegotiation/i, 'the server has refused')
    else t.equal(code, 0)
  })
})

t.test('asked of a client that has sent a file', async (t) => {
  const { server, port } = await startTls(t, () => {}, { maxVersion: 'TLSv1.2' })
  const accepted = once(server, 'secureConnection')
  const client = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  t.teardown(() => client.destroy())
  client.on('error', () => {}) // the server leaves
  createReadStream(file.path).pipe(client, { end: false })
  const [socket] = (await accepted) as [TLSSocket]
  const received: Buffer[] = []
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    received.push(chunk)
    if (Buffer.concat(received).length >= file.size) break
  }
  t.equal(sha256(...received), file.sha256, 'every byte is right')
  t.equal(getOffloadState(client).encryption, offloaded.encryption)

  const failed = new Promise((resolve) => socket.once('error', resolve))
  const renegotiated = new Promise((resolve) => socket.renegotiate({}, resolve))
  socket.resume()
  const result = await Promise.race([failed, renegotiated])
  if (kernelTls) t.match(result, { code: 'ERR_SSL_NO_RENEGOTIATION' }, 'the client refuses, and the server gives up')
  else t.equal(result, null)
})

async function startServer(t: Test, version: SecureVersion) {
  const states: OffloadState[] = []
  const only = { minVersion: version, maxVersion: version }
  const running = await startHttps(
    t,
    ({ url }, response) => {
      if (url === '/small') return response.end('small')
      response.on('finish', () => states.push(getOffloadState(response)))
      return createReadStream(file.path).pipe(response.setHeader('Content-Length', file.size))
    },
    only,
  )
  return { ...running, states }
}
