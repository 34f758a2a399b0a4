// One peer asks for ten thousand new keys while another downloads. It costs what it costs in plain Node, and neither the
// other peer nor the process suffers. With a kernel that cannot change keys its connection ends after the response.

import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { temporaryFolder, writeRandomFile } from '../support/files.js'
import { receive, request } from '../support/http-client.js'
import { kernelTakesNewKeys, onlyWithKernelTls } from '../support/kernel.js'
import { KeyUpdateClient } from '../support/key-update-client.js'
import { startFileServer } from '../support/start-file-server.js'
import { timeLimitMs } from '../support/time-limit.js'

const fileBytes = 20_000_000
const batches = 334
// OpenSSL calls more than 32 of them without any data an attack, and ends the connection.
const batch = 30
const mostMemoryGrowth = 64 * 2 ** 20

t.setTimeout(timeLimitMs)

t.test('a storm of KeyUpdates', onlyWithKernelTls, async (t) => {
  const { path } = writeRandomFile(temporaryFolder(t), fileBytes)
  const content = readFileSync(path)
  const plain = await storm(t, path, content, true)
  const ours = await storm(t, path, content, false)
  for (const [name, { growthBytes, delayMs }] of Object.entries({ 'plain Node': plain, 'ktls-pipe': ours })) {
    const growth = `${(growthBytes / 2 ** 20).toFixed(1)} MiB more memory`
    t.comment(`${name}: ${growth}, event loop delay p99 ${delayMs.p99.toFixed(1)} ms, max ${delayMs.max.toFixed(1)} ms`)
  }
  t.ok(ours.growthBytes < mostMemoryGrowth, 'memory is bounded')
})

async function storm(t: Test, path: string, content: Buffer, disabled: boolean) {
  const server = await startFileServer(t, path, { disabled })
  const download = async () => (await receive(await request('https', server.port, { agent: false }))).bytes
  await download() // warm
  const before = await server.report()

  const client = await KeyUpdateClient.connect(server.port)
  t.teardown(() => client.socket.destroy())
  const received = bodyOf(client)
  await client.send(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${batches}\r\n\r\n`)
  const downloads = [download()]
  for (let round = 0; round < batches; round++) {
    await client.requestKeys(batch)
    await client.send('x')
  }
  downloads.push(download())

  t.ok((await received).equals(content), 'the one who asks gets its file')
  for (const bytes of await Promise.all(downloads)) t.ok(bytes.equals(content), 'and so does the other')
  const after = await server.report()
  if (!disabled) {
    t.equal(after.stats.transfers.tls, 4)
    t.equal(after.stats.fallbacks['key-spent'] ?? 0, kernelTakesNewKeys ? 0 : 1)
  }
  return { growthBytes: after.rssBytes - before.rssBytes, delayMs: after.delayMs }
}

/** The first response's, whole. */
async function bodyOf({ socket }: KeyUpdateClient): Promise<Buffer> {
  let bytes = Buffer.alloc(0)
  const chunks: Buffer[] = []
  let expected = Number.POSITIVE_INFINITY
  let size = 0
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk as Buffer)
    size += (chunk as Buffer).length
    if (expected === Number.POSITIVE_INFINITY) {
      bytes = Buffer.concat(chunks)
      const head = bytes.indexOf('\r\n\r\n')
      if (head >= 0) expected = head + 4 + fileBytes
    }
    if (size >= expected) break
  }
  return Buffer.concat(chunks).subarray(expected - fileBytes)
}
