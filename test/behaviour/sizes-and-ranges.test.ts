// Bodies of all the sizes at which something begins or ends, whole and in ranges, far beyond 4 GiB too.

import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import type { RequestListener } from 'node:http'
import { getOffloadState, install, type OffloadState } from 'ktls-pipe'
import t, { type Test } from 'tap'
import { cipherSuites, curlArguments, suiteName } from '../support/cipher-suites.js'
import { curl, curlLarge, type Downloaded } from '../support/curl.js'
import { sha256OfFile, type TestFile, temporaryFolder, writeRandomFile, writeSparseFile } from '../support/files.js'
import { expectTlsTransfers, kernelTls, startCounting } from '../support/kernel.js'
import { SeededRandom } from '../support/random.js'
import { type RunningServer, startHttp, startHttps } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

const mebibyte = 1024 * 1024
const gibibyte = 1024 * mebibyte
const borderSizes = [1, 16383, 16384, 16385, 65536, mebibyte + 1]
const largeSize = 100 * mebibyte

t.setTimeout(timeLimitMs)
install({ tls: { minimumBytes: 0 }, tcp: { minimumBytes: 0 } })

interface Part {
  path: string
  start: number
  end: number
  sha256: string
}

interface Sent {
  size: number
  state: OffloadState
}

t.test('sizes and ranges', async (t) => {
  const folder = temporaryFolder(t)
  const random = SeededRandom.of(t)
  const files = [...borderSizes, 2 * random.integer(50_000, 500_000) + 1].map((size) => writeRandomFile(folder, size))
  const empty = writeRandomFile(folder, 0)
  const parts = [...files.map(wholeOf), ...(await rangesOf(files)), await partBeyond4GiB(folder)]
  const { listener, allSent } = sender(parts)
  const secure = await startHttps(t, listener)
  const plain = await startHttp(t, listener)
  const expected = parts.map(({ start, end, sha256 }) => ({ size: end - start + 1, sha256 }))

  for (const suite of cipherSuites) {
    await t.test(suiteName(suite), async (t) => {
      const count = startCounting()
      const downloaded = await fetchParts(t, 'https', secure, parts, curlArguments(suite))
      t.same(downloaded, expected, 'all are equal')
      const sent = await allSent()
      expectTlsTransfers(t, count(), parts.length, 'the parts')
      if (kernelTls) t.same(sent, parts.map(sentBy('kernel')), 'the kernel carried every byte')
    })
  }

  await t.test('without TLS', async (t) => {
    const count = startCounting()
    t.same(await fetchParts(t, 'http', plain, parts), expected, 'all are equal')
    const sent = await allSent()
    t.equal(count().transfers.tcp, parts.length)
    t.same(sent, parts.map(sentBy('none')), 'sendfile carried every byte')
  })

  await t.test('an empty file', async (t) => {
    const { listener } = sender([wholeOf(empty)])
    const { port } = await startHttps(t, listener)
    const count = startCounting()
    t.same(await curl(t, [{ url: `https://127.0.0.1:${port}/0` }]), [{ size: 0, sha256: empty.sha256 }])
    t.equal(count().transfers.tls, 0, 'there is nothing to offload')
  })
})

t.test('100 MiB', async (t) => {
  const part = wholeOf(writeRandomFile(temporaryFolder(t), largeSize))
  const { listener, allSent } = sender([part])
  const server = await startHttps(t, listener)
  t.same(await fetchParts(t, 'https', server, [part]), [{ size: largeSize, sha256: part.sha256 }])
  const sent = await allSent()
  if (kernelTls) t.same(sent, [part].map(sentBy('kernel')), 'the kernel carried every byte')
})

// Without TLS the kernel of this machine does it all, so a virtual one would show nothing more.
const skipLarge = kernelTls ? { skip: 'plain TCP is tested on the host' } : {}

t.test('a whole file of more than 2 GiB, without TLS', skipLarge, async (t) => {
  const size = 2 * gibibyte + 1_234_567
  const path = writeSparseFile(temporaryFolder(t), size, [0, 2 ** 31 - 30_000, size - 64 * 1024])
  const part = { path, start: 0, end: size - 1, sha256: '' }
  const { listener, allSent } = sender([part])
  const { port } = await startHttp(t, listener)
  const [received, sha256] = await Promise.all([curlLarge(t, `http://127.0.0.1:${port}/0`), sha256OfFile(path)])
  t.same(received, { size, sha256 })
  t.same(await allSent(), [part].map(sentBy('none')), 'sendfile carried every byte')
})

function wholeOf({ path, size, sha256 }: TestFile): Part {
  return { path, start: 0, end: size - 1, sha256 }
}

async function rangesOf(files: TestFile[]): Promise<Part[]> {
  const large = files.find(({ size }) => size > mebibyte) as TestFile
  const { path, size } = large
  const ranges = [
    { start: 0, end: 99_999 },
    { start: 300_001, end: 300_001 + 3 * 16384 },
    { start: size - 77_777, end: size - 1 },
  ]
  return await Promise.all(ranges.map(async (range) => ({ path, ...range, sha256: await sha256OfFile(path, range) })))
}

async function partBeyond4GiB(folder: string): Promise<Part> {
  const start = 4 * gibibyte + 12_345
  const path = writeSparseFile(folder, 5 * gibibyte, [start - 1000, start + 150_000])
  const range = { start, end: start + 200_000 }
  return { path, ...range, sha256: await sha256OfFile(path, range) }
}

/** Answers `/N` with part N, and remembers how each went. */
function sender(parts: Part[]): { listener: RequestListener; allSent: () => Promise<Sent[]> } {
  const finished: Promise<Sent>[] = []
  const listener: RequestListener = (request, response) => {
    const { path, start, end } = parts[Number(request.url?.slice(1))] as Part
    const size = end - start + 1
    response.setHeader('Content-Length', size)
    finished.push(once(response, 'finish').then(() => ({ size, state: getOffloadState(response) })))
    createReadStream(path, size > 0 ? { start, end } : {}).pipe(response)
  }
  // A client may have all of it before the server is told.
  return { listener, allSent: () => Promise.all(finished.splice(0)) }
}

function sentBy(encryption: OffloadState['encryption']): (part: Part) => Sent {
  return ({ start, end }) => ({
    size: end - start + 1,
    state: { encryption, bytesOffloaded: end - start + 1 },
  })
}

async function fetchParts(
  t: Test,
  scheme: 'http' | 'https',
  { port }: RunningServer<unknown>,
  parts: Part[],
  args: string[] = [],
): Promise<Downloaded[]> {
  const downloads = parts.map((_, index) => ({ url: `${scheme}://127.0.0.1:${port}/${index}` }))
  return await curl(t, downloads, args)
}
