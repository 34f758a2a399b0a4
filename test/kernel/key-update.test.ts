// Key changes of TLS 1.3 around and after the hand-over, asked for by openssl s_client and by the limit of a key's use.
// Where the kernel can change its keys (Linux 6.14) nobody notices; where it cannot, what was begun arrives whole, then
// the connection ends with close_notify.

import { once } from 'node:events'
import { createReadStream, readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { getOffloadState, install } from 'ktls-pipe'
import t, { type Test } from 'tap'
import { sha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { oneConnection, receive, request } from '../support/http-client.js'
import {
  kernelTakesNewKeys,
  onlyWithKernelTls,
  positive,
  type StatsDifference,
  startCounting,
  tlsStat,
} from '../support/kernel.js'
import { type OpensslClient, type OpensslEnd, openssl } from '../support/openssl-client.js'
import { startHttps } from '../support/servers.js'
import { nativeBinding } from '../support/slots.js'
import { timeLimitMs } from '../support/time-limit.js'

const fileBytes = 8_000_000
const limitFileBytes = 100 * 2 ** 20

t.setTimeout(timeLimitMs)
install({ tls: { minimumBytes: 0 } })
const ability = kernelTakesNewKeys ? 'a kernel that changes keys' : 'a kernel that cannot change keys'

t.test(`asked for by the peer, ${ability}`, onlyWithKernelTls, async (t) => {
  const { path } = writeRandomFile(temporaryFolder(t), fileBytes)
  const content = readFileSync(path)
  const finishes: Promise<string>[] = []
  const { port } = await startHttps(t, (_request, response) => {
    response.setHeader('Content-Length', content.length)
    finishes.push(once(response, 'finish').then(() => getOffloadState(response).encryption))
    createReadStream(path).pipe(response)
  })
  const get = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const bodies = (printed: Buffer) => {
    let count = 0
    for (let at = printed.indexOf(content); at >= 0; at = printed.indexOf(content, at + content.length)) count++
    return count
  }

  /** After one file and a request for keys: a second file, or close_notify. */
  const expectToGoOnOrEnd = async (t: Test, client: OpensslClient, count: () => StatsDifference) => {
    if (kernelTakesNewKeys) {
      client.type(get)
      await client.untilPrintedBytes(2 * fileBytes)
      client.type('Q\n')
    }
    const end = await client.ended
    t.equal(bodies(end.printed), kernelTakesNewKeys ? 2 : 1, 'every byte is right')
    if (!kernelTakesNewKeys) expectCleanEnd(t, end)
    t.same(positive(count().fallbacks), kernelTakesNewKeys ? {} : { 'key-spent': 1 }, 'counted once, where it ends')
  }

  await t.test('before the first file', async (t) => {
    const client = openssl(port)
    await client.untilComplained('CONNECTION ESTABLISHED')
    client.type('K\n')
    await client.untilComplained('KEYUPDATE')
    client.type(get)
    await client.untilPrintedBytes(fileBytes)
    client.type(get)
    await client.untilPrintedBytes(2 * fileBytes)
    t.strictSame(await Promise.all(finishes), ['kernel', 'kernel'], 'by the kernel')
    client.type('Q\n')
    t.equal(bodies((await client.ended).printed), 2, 'every byte of both files is right')
  })

  await t.test('while a file is being sent', async (t) => {
    const count = startCounting()
    const rekeysBefore = tlsStat('TlsTxRekeyOk')
    const client = openssl(port)
    client.type(get)
    for (let part = 1; part <= 5; part++) {
      await client.untilPrintedBytes((part * fileBytes) / 8)
      client.type('K\n')
    }
    await client.untilPrintedBytes(fileBytes)
    await expectToGoOnOrEnd(t, client, count)
    if (kernelTakesNewKeys) t.ok(tlsStat('TlsTxRekeyOk') > rekeysBefore)
  })

  await t.test('between two files', async (t) => {
    const count = startCounting()
    const rekeysBefore = tlsStat('TlsTxRekeyOk')
    const client = openssl(port)
    client.type(get)
    await client.untilPrintedBytes(fileBytes)
    client.type('K\n')
    await client.untilComplained('KEYUPDATE')
    await expectToGoOnOrEnd(t, client, count)
    if (kernelTakesNewKeys) t.equal(tlsStat('TlsTxRekeyOk') - rekeysBefore, 1)
  })

  await t.test('a new connection works', async (t) => {
    const { bytes } = await receive(await request('https', port))
    t.ok(bytes.equals(content))
  })
})

t.test(`at the limit of a key's use, ${ability}`, onlyWithKernelTls, async (t) => {
  const file = writeRandomFile(temporaryFolder(t), limitFileBytes)
  const binding = nativeBinding()
  binding.setRecordsPerKey(1000)
  t.teardown(() => binding.setRecordsPerKey(0))
  const listener: RequestListener = (_request, response) => {
    response.setHeader('Content-Length', limitFileBytes)
    createReadStream(file.path).pipe(response)
  }
  // Longer than an emulated machine takes for the body's hash.
  const { port } = await startHttps(t, listener, { keepAliveTimeout: timeLimitMs })
  for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
    await t.test(version, async (t) => {
      const changes = kernelTakesNewKeys && version === 'TLSv1.3'
      const count = startCounting()
      const rekeysBefore = tlsStat('TlsTxRekeyOk')
      const agent = oneConnection('https')
      t.teardown(() => agent.destroy())
      const options = { agent, minVersion: version, maxVersion: version }
      const connections = new Set<unknown>()
      for (let round = 0; round < 2; round++) {
        const incoming = await request('https', port, options)
        const { socket } = incoming
        connections.add(socket)
        t.equal(incoming.headers.connection, 'keep-alive')
        t.equal(sha256((await receive(incoming)).bytes), file.sha256, 'every byte is right')
        if (!changes && !socket.closed) await once(socket, 'close')
      }
      if (changes) {
        t.equal(connections.size, 1, 'the connection lives on')
        t.ok(tlsStat('TlsTxRekeyOk') - rekeysBefore >= 12, 'over a dozen keys')
        t.same(positive(count().fallbacks), {})
      } else {
        t.equal(connections.size, 2, 'the connection ended with the response')
        t.same(positive(count().fallbacks), { 'key-spent': 2 })
      }
    })
  }
})

/** s_client complains of an end without close_notify. */
function expectCleanEnd(t: Test, { code, complained }: OpensslEnd): void {
  t.equal(code, 0)
  t.notMatch(complained, /unexpected eof/i, 'the last record is close_notify')
}
