// TLS 1.2 AES-GCM sends half of each record's nonce with it. No nonce may come twice under one key: the kernel's first
// has to follow OpenSSL's last.

import { createReadStream } from 'node:fs'
import { getOffloadState, install } from 'ktls-pipe'
import t from 'tap'
import { cipherSuites, onlySuite, suiteName } from '../support/cipher-suites.js'
import { sha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { onlyWithKernelTls } from '../support/kernel.js'
import { connectOverWire } from '../support/raw-tls-client.js'
import { startHttps } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

const fileBytes = 300_001
const changeCipherSpec = 20
const applicationData = 23
const alert = 21

t.setTimeout(timeLimitMs)
install({ tls: { minimumBytes: 0 } })

const suites = cipherSuites.filter(({ version, openssl }) => version === 'TLSv1.2' && openssl.includes('GCM'))
t.equal(suites.length, 2)

for (const suite of suites) {
  t.test(suiteName(suite), onlyWithKernelTls, async (t) => {
    const file = writeRandomFile(temporaryFolder(t), fileBytes)
    const encryption: string[] = []
    const { port } = await startHttps(
      t,
      (request, response) => {
        response.on('finish', () => encryption.push(getOffloadState(response).encryption))
        if (request.url === '/file') createReadStream(file.path).pipe(response.setHeader('Content-Length', file.size))
        else response.end('small')
      },
      onlySuite(suite),
    )
    const { wire, client } = await connectOverWire(port)
    const received: Buffer[] = []
    client.on('data', (bytes: Buffer) => received.push(bytes))
    const closed = new Promise((resolve) => client.once('close', resolve))

    for (const [path, connection] of [
      ['/small', 'keep-alive'],
      ['/file', 'keep-alive'],
      ['/small', 'keep-alive'],
      ['/file', 'close'],
    ]) {
      client.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: ${connection}\r\n\r\n`)
    }
    await closed

    t.same(encryption, ['userspace', 'kernel', 'kernel', 'kernel'], 'the switch lies between')
    const encrypted = wire.records.slice(wire.records.findLastIndex(({ type }) => type === changeCipherSpec) + 1)
    const nonces = encrypted.map(({ start }) => start.readBigUInt64BE())
    const first = nonces[0] as bigint
    const expected = nonces.map((_, index) => BigInt.asUintN(64, first + BigInt(index)))
    t.same(nonces.map(String), expected.map(String), 'each nonce is one more than that before it')
    t.ok(encrypted.filter(({ type }) => type === applicationData).length > (2 * fileBytes) / 16384, 'of many records')
    t.equal(encrypted.at(-1)?.type, alert, 'up to close_notify')
    t.ok(sha256(Buffer.concat(received).subarray(-fileBytes)) === file.sha256, 'all of which could be read')
  })
}
