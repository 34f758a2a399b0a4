// Sessions that the kernel cannot take over, for where they run, for what was agreed upon, or because nobody counted
// their records: the ordinary path carries their files, for this reason.

import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import http2 from 'node:http2'
import net from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import tls, { type TLSSocket } from 'node:tls'
import { createZeroCopyPipe, type FallbackReason, install, type OffloadState, type Stats } from 'ktls-pipe'
import t, { type Test } from 'tap'
import { certificate } from '../support/certificate.js'
import { sha256, sizeAndSha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { receive, request } from '../support/http-client.js'
import { expectTlsTransfers, kernelTls, positive, reasonOfSession, startCounting } from '../support/kernel.js'
import { projectFile } from '../support/project.js'
import { Wire } from '../support/raw-tls-client.js'
import { runWell } from '../support/run-program.js'
import { listen, startTcp, startTls } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

t.setTimeout(timeLimitMs)
install({ tls: { minimumBytes: 0 }, tcp: { minimumBytes: 0 } })

const file = writeRandomFile(temporaryFolder(t), 300_001)
const expected = { size: file.size, sha256: file.sha256 }
const insecure = { rejectUnauthorized: false }

/** As late-import.mjs prints it. */
interface Printed {
  fetched: { digest: string; state: OffloadState }[]
  stats: Stats
}

const send = (socket: TLSSocket) => createReadStream(file.path).pipe(socket)

t.test('not directly on TCP', async (t) => {
  const contexts = tls.createSecureContext(await certificate())

  await t.test('TLS over TLS', async (t) => {
    const { port } = await startTls(t, (outer) =>
      send(new tls.TLSSocket(outer, { isServer: true, secureContext: contexts })),
    )
    const outer = tls.connect({ port, host: '127.0.0.1', ...insecure })
    await expectDeclined(t, tls.connect({ socket: outer, ...insecure }), 'socket-not-tcp')
  })

  await t.test('TLS over a Duplex', async (t) => {
    const { port } = await startTcp(t, (socket) =>
      send(new tls.TLSSocket(new Wire(socket), { isServer: true, secureContext: contexts })),
    )
    await expectDeclined(t, tls.connect({ port, host: '127.0.0.1', ...insecure }), 'socket-not-tcp')
  })

  await t.test('a client over a Duplex', async (t) => {
    const { port, received } = await startReceiver(t)
    const count = startCounting()
    const client = tls.connect({ socket: new Wire(net.connect(port, '127.0.0.1')), ...insecure })
    client.on('error', () => {})
    await pipeline(createReadStream(file.path), client.resume())
    t.same(await received, expected, 'every byte is right')
    t.same(positive(count().fallbacks), { 'socket-not-tcp': 1 })
  })

  await t.test('TLS over a Unix socket', async (t) => {
    const path = join(temporaryFolder(t), 'socket')
    const server = tls.createServer(await certificate(), send)
    server.listen(path)
    await once(server, 'listening')
    t.teardown(() => server.close())
    await expectDeclined(t, tls.connect({ path, ...insecure }), 'socket-not-tcp')
  })
})

const agreements: Record<string, { options: tls.SecureContextOptions; reason: FallbackReason }> = {
  CBC: { options: only('TLSv1.2', 'ECDHE-ECDSA-AES128-SHA256'), reason: 'cipher-unsupported' },
  'CCM of TLS 1.2': { options: only('TLSv1.2', 'ECDHE-ECDSA-AES256-CCM'), reason: 'cipher-unsupported' },
  'CCM of TLS 1.3': { options: only('TLSv1.3', 'TLS_AES_128_CCM_SHA256'), reason: 'cipher-unsupported' },
  ARIA: { options: only('TLSv1.2', 'ECDHE-ECDSA-ARIA128-GCM-SHA256'), reason: 'cipher-unsupported' },
  'TLS 1.1': { options: only('TLSv1.1', 'ECDHE-ECDSA-AES128-SHA@SECLEVEL=0'), reason: 'protocol-unsupported' },
}

for (const [name, { options, reason }] of Object.entries(agreements)) {
  t.test(name, async (t) => {
    const { port } = await startTls(t, send, options)
    await expectDeclined(t, tls.connect({ port, host: '127.0.0.1', ...insecure, ...options }), reasonOfSession(reason))
  })
}

t.test('HTTP/2, and HTTP/1.1 of the same server', async (t) => {
  const server = http2.createSecureServer({ ...(await certificate()), allowHTTP1: true }, (request, response) => {
    createReadStream(file.path).pipe(request.url === '/pipe' ? response : createZeroCopyPipe(response))
  })
  const port = await listen(t, server)

  await t.test('HTTP/2', async (t) => {
    const count = startCounting()
    const client = http2.connect(`https://127.0.0.1:${port}`, insecure)
    t.teardown(() => client.destroy())
    const both = ['/pipe', '/zero-copy'].map((path) => sizeAndSha256(client.request({ ':path': path })))
    t.same(await Promise.all(both), [expected, expected], 'every byte is right')
    t.same(positive(count().fallbacks), { http2: 2 })
  })

  await t.test('HTTP/1.1', async (t) => {
    const count = startCounting()
    for (const path of ['/pipe', '/zero-copy']) {
      const { bytes } = await receive(await request('https', port, { agent: false, path }))
      t.equal(sha256(bytes), file.sha256, 'every byte is right')
    }
    expectTlsTransfers(t, count(), 2, 'the files')
  })
})

for (const version of ['TLSv1.2', 'TLSv1.3']) {
  t.test(`a session that began before the import, ${version}`, async (t) => {
    const { key, cert } = await certificate()
    const env = { ...process.env, KEY: key, CERT: cert, FILE: file.path, VERSION: version }
    const node = { command: process.execPath, args: [], env }
    const printed = await runWell(t, node, [projectFile('test/support/late-import.mjs')])
    const { fetched, stats } = JSON.parse(printed.toString()) as Printed
    t.same(fetched, [
      { digest: file.sha256, state: declined(reasonOfSession('session-not-tracked')) },
      { digest: file.sha256, state: declined(reasonOfSession('session-not-tracked')) },
      {
        digest: file.sha256,
        state: kernelTls ? { encryption: 'kernel', bytesOffloaded: file.size } : declined('kernel-tls-unavailable'),
      },
    ])
    const counts = kernelTls ? { 'session-not-tracked': 2 } : { 'kernel-tls-unavailable': 3 }
    t.same(stats.fallbacks, counts, 'each file is counted')
  })
}

function declined(fallbackReason: FallbackReason): OffloadState {
  return { encryption: 'userspace', bytesOffloaded: 0, fallbackReason }
}

function only(version: tls.SecureVersion, ciphers: string): tls.SecureContextOptions {
  return { minVersion: version, maxVersion: version, ciphers }
}

async function expectDeclined(t: Test, client: TLSSocket, reason: FallbackReason): Promise<void> {
  const count = startCounting()
  t.same(await sizeAndSha256(client), expected, 'every byte is right')
  const { transfers, fallbacks } = count()
  t.same({ tls: transfers.tls, tcp: transfers.tcp }, { tls: 0, tcp: 0 }, 'nothing is offloaded')
  t.same(positive(fallbacks), { [reason]: 1 }, 'the reason is counted once')
}

async function startReceiver(t: Test) {
  let receiver: (socket: TLSSocket) => void = () => {}
  const received = new Promise((resolve, reject) => {
    receiver = (socket) => sizeAndSha256(socket).then(resolve, reject)
  })
  return { ...(await startTls(t, receiver)), received }
}
