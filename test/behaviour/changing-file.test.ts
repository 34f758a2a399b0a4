// A file that changes its size while it is being sent, or cannot be read. One that shrinks ends the connection, for its
// body can no longer be completed; one that grows is sent as Node sends it.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { appendFileSync, createReadStream, openSync, readFileSync, truncateSync } from 'node:fs'
import type { IncomingMessage, RequestListener } from 'node:http'
import { pipeline } from 'node:stream'
import { createZeroCopyPipe, getStats, install, KtlsError } from 'ktls-pipe'
import t, { type Test } from 'tap'
import { expectChange, sha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { receive, request, type Scheme } from '../support/http-client.js'
import { expectOffloaded, onlyWithKernelTls, startCounting } from '../support/kernel.js'
import { matchEach } from '../support/match-each.js'
import { startHttp, startHttps } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

const schemes = ['https', 'http'] as const
// More than the buffers of a connection hold, so that a transfer is still under way while its client does not read.
const largeSize = 24 * 1024 * 1024

t.setTimeout(timeLimitMs)
install()

interface Truncation {
  /** Answers with the file, and tells `failed` of its end. */
  answer: (path: string, response: Parameters<RequestListener>[1], failed: (code: unknown) => void) => void
  code: string | undefined
}

const truncations: Record<string, Truncation> = {
  "the source's listener": {
    answer: (path, response, failed) => {
      const source = createReadStream(path)
      source.on('error', (error) => failed(error instanceof KtlsError ? error.code : error))
      source.pipe(response)
    },
    code: 'ERR_KTLS_SOURCE_TRUNCATED',
  },
  'the callback of pipeline()': {
    answer: (path, response, failed) => {
      pipeline(createReadStream(path), response, (error) => failed(error?.code))
    },
    code: 'ERR_KTLS_SOURCE_TRUNCATED',
  },
  'nobody who listens': {
    answer: (path, response, failed) => {
      response.on('close', () => failed(undefined))
      createReadStream(path).pipe(response)
    },
    code: undefined,
  },
  'nobody who listens, by a zero-copy pipe': {
    answer: (path, response, failed) => {
      response.on('close', () => failed(undefined))
      createReadStream(path).pipe(createZeroCopyPipe(response))
    },
    code: undefined,
  },
}

for (const scheme of schemes) {
  // Plain Node leaves a response open that has become too short; only what is offloaded ends.
  const options = scheme === 'https' ? onlyWithKernelTls : {}
  t.test(`a file that shrinks, over ${scheme}`, options, async (t) => {
    for (const [who, { answer, code }] of Object.entries(truncations)) {
      await t.test(`told to ${who}`, async (t) => {
        const { path } = expectChange(writeRandomFile(temporaryFolder(t), largeSize))
        const published: unknown[] = []
        const onError = (message: unknown) => published.push(message)
        subscribe('tracing:ktls-pipe:transfer:error', onError)
        t.teardown(() => unsubscribe('tracing:ktls-pipe:transfer:error', onError))
        let fail: (code: unknown) => void = () => {}
        const failed = new Promise((resolve) => {
          fail = resolve
        })
        const count = startCounting()
        const incoming = await stalledDownload(t, scheme, (_request, response) => {
          response.setHeader('Content-Length', largeSize)
          answer(path, response, fail)
        })
        truncateSync(path, 1000)
        const { aborted, bytes } = await receive(incoming)
        t.equal(aborted, true, 'the connection ends')
        t.ok(bytes.length < largeSize, 'before the body does')
        t.equal(await failed, code)
        matchEach(t, published, [
          { engine: scheme === 'https' ? 'tls' : 'tcp', error: { code: 'ERR_KTLS_SOURCE_TRUNCATED' } },
        ])
        t.equal(count().transfers.failed, 1, 'the failure is counted')
        t.equal(getStats().transfers.active, 0, 'nothing is left under way')
      })
    }
  })

  t.test(`a file that grows, over ${scheme}`, async (t) => {
    const { path } = expectChange(writeRandomFile(temporaryFolder(t), largeSize))
    const grow = () => appendFileSync(path, Buffer.alloc(100_000, 'more'))

    await t.test('is sent to its new end', async (t) => {
      const count = startCounting()
      const incoming = await stalledDownload(t, scheme, (_request, response) => createReadStream(path).pipe(response))
      expectOffloaded(t, scheme, count(), 1)
      grow()
      const { aborted, bytes } = await receive(incoming)
      t.equal(aborted, false)
      t.equal(bytes.length, largeSize + 100_000)
      t.equal(sha256(bytes), sha256(readFileSync(path)))
    })

    await t.test('is not sent beyond `end`', async (t) => {
      const end = largeSize + 100_000 - 1
      const count = startCounting()
      const incoming = await stalledDownload(t, scheme, (_request, response) =>
        createReadStream(path, { end }).pipe(response),
      )
      expectOffloaded(t, scheme, count(), 1)
      grow()
      const { aborted, bytes } = await receive(incoming)
      t.equal(aborted, false)
      t.equal(bytes.length, end + 1)
      t.equal(sha256(bytes), sha256(readFileSync(path).subarray(0, end + 1)))
    })
  })
}

for (const scheme of schemes) {
  t.test(`a file that cannot be read, over ${scheme}`, async (t) => {
    const { path } = expectChange(writeRandomFile(temporaryFolder(t), 1024 * 1024))
    const heard: unknown[] = []
    const start = scheme === 'https' ? startHttps : startHttp
    const { server, port } = await start(t, (_request, response) => {
      const source = createReadStream(path, { fd: openSync(path, 'a'), start: 0 })
      const hear = (who: string) => (error: NodeJS.ErrnoException) =>
        heard.push(`${who}: ${error.code} ${error.syscall}`)
      source.on('error', (error: NodeJS.ErrnoException) => {
        hear('source')(error)
        response.destroy()
      })
      response.on('error', hear('response'))
      source.pipe(response)
    })
    server.on('clientError', (_error, socket) => socket.destroy())
    // Whether the head has left by then is chance.
    const end = await request(scheme, port).then(
      async (incoming) => ((await receive(incoming)).aborted ? 'cut off' : 'whole'),
      ({ code }: NodeJS.ErrnoException) => code,
    )
    t.match(end, /^(cut off|ECONNRESET)$/)
    t.equal(heard[0], 'source: EBADF read', 'it is the source that fails, before all else')
    t.equal(getStats().transfers.active, 0, 'nothing is left under way')
  })
}

/** A download whose first bytes are there, and which waits for its reader. */
async function stalledDownload(t: Test, scheme: Scheme, listener: RequestListener): Promise<IncomingMessage> {
  const { port } = scheme === 'https' ? await startHttps(t, listener) : await startHttp(t, listener)
  const incoming = await request(scheme, port)
  await once(incoming, 'readable')
  return incoming
}
