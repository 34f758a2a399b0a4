// Why a transfer takes the ordinary path: each reason that an application can bring about, and that the bytes are right.

import { createReadStream } from 'node:fs'
import type { RequestListener } from 'node:http'
import http2 from 'node:http2'
import { PassThrough } from 'node:stream'
import {
  createZeroCopyPipe,
  FALLBACK_REASONS,
  type FallbackReason,
  getOffloadState,
  type InstallOptions,
  install,
  setOffload,
} from 'ktls-pipe'
import t, { type Test } from 'tap'
import { certificate } from '../support/certificate.js'
import { sha256, sizeAndSha256, type TestFile, temporaryFolder, writeRandomFile } from '../support/files.js'
import { receive, request, type Scheme } from '../support/http-client.js'
import { kernelTls, type StatsDifference, startCounting } from '../support/kernel.js'
import { listen, startHttp, startHttps } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

const everything: InstallOptions = { tls: { minimumBytes: 0 }, tcp: { minimumBytes: 0 } }

t.setTimeout(timeLimitMs)

type Response = Parameters<RequestListener>[1]
type Request = Parameters<RequestListener>[0]

interface Case {
  reason: FallbackReason
  size?: number
  options?: InstallOptions
  pipe: (path: string, response: Response, request: Request) => unknown
}

const pipe = (path: string, response: Response) => createReadStream(path).pipe(response)

const cases: Record<string, Case> = {
  'a file below minimumBytes': {
    reason: 'below-minimum-size',
    size: 9_999,
    options: { tls: { minimumBytes: 10_000 }, tcp: { minimumBytes: 10_000 } },
    pipe,
  },
  'a file below the usual minimum': { reason: 'below-minimum-size', size: 1000, options: {}, pipe },
  'an engine that is switched off': { reason: 'disabled', options: { tls: false, tcp: false }, pipe },
  'setOffload(response, false)': {
    reason: 'opted-out',
    pipe: (path, response) => {
      setOffload(response, false)
      pipe(path, response)
    },
  },
  'setOffload(socket, false)': {
    reason: 'opted-out',
    pipe: (path, response, request) => {
      setOffload(request.socket, false)
      pipe(path, response)
    },
  },
  'setOffload(source, false)': {
    reason: 'opted-out',
    pipe: (path, response) => {
      const source = createReadStream(path)
      setOffload(source, false)
      source.pipe(response)
    },
  },
  'a wrapped response.write': {
    reason: 'response-wrapped',
    pipe: (path, response) => {
      const { write } = response
      response.write = (...values: unknown[]) => Reflect.apply(write, response, values)
      pipe(path, response)
    },
  },
  'a wrapped socket.write': {
    reason: 'socket-wrapped',
    pipe: (path, response, { socket }) => {
      const { write } = socket
      socket.write = (...values: unknown[]) => Reflect.apply(write, socket, values)
      pipe(path, response)
    },
  },
  'a corked response': {
    reason: 'response-corked',
    size: 10_000, // what does not fit would wait for ever
    pipe: (path, response) => {
      response.cork()
      pipe(path, response)
    },
  },
  'a response that counts its bytes': {
    reason: 'strict-content-length',
    pipe: (path, response) => {
      response.strictContentLength = true
      pipe(path, response)
    },
  },
  'a response without a body': {
    reason: 'response-without-body',
    size: 0,
    pipe: (path, response) => pipe(path, response.writeHead(204)),
  },
  "a source with a 'data' listener": {
    reason: 'source-shared',
    pipe: (path, response) => {
      const source = createReadStream(path)
      source.on('data', () => {})
      source.pipe(response)
    },
  },
  'a source with a read of its own': {
    reason: 'source-wrapped',
    pipe: (path, response) => {
      const source = createReadStream(path)
      const { push } = source
      source.push = (chunk, encoding) => Reflect.apply(push, source, [chunk, encoding])
      source.pipe(response)
    },
  },
  'an empty file': { reason: 'source-empty', size: 0, pipe },
  'a zero-copy pipe to something else': {
    reason: 'destination-unsupported',
    pipe: (path, response) => {
      const between = new PassThrough()
      between.pipe(response)
      createReadStream(path).pipe(createZeroCopyPipe(between))
    },
  },
}

// Without kernel TLS an https connection has that reason before any other.
const schemes: readonly Scheme[] = kernelTls ? ['https', 'http'] : ['http']

for (const scheme of schemes) {
  t.test(scheme, async (t) => {
    const folder = temporaryFolder(t)
    for (const [name, { reason, size = 200_000, options = everything, pipe }] of Object.entries(cases)) {
      await t.test(name, async (t) => {
        install(options)
        const file = writeRandomFile(folder, size)
        let response: Response | undefined
        const listener: RequestListener = (incoming, own) => {
          response = own
          pipe(file.path, own, incoming)
        }
        const { port } = scheme === 'https' ? await startHttps(t, listener) : await startHttp(t, listener)
        const count = startCounting()
        const { bytes } = await receive(await request(scheme, port, { agent: false }))
        t.equal(sha256(bytes), file.sha256, 'every byte is right')
        expectFallback(t, count(), reason)
        if (reason !== 'destination-unsupported') t.equal(getOffloadState(response as Response).fallbackReason, reason)
      })
    }
  })
}

t.test('http2', async (t) => {
  install(everything)
  const file = writeRandomFile(temporaryFolder(t), 200_000)
  const server = http2.createSecureServer(await certificate())
  const port = await listen(t, server)
  const client = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  t.teardown(() => client.destroy())

  await t.test('a response of its compatible interface', async (t) => {
    server.once('request', (_request, response) => createReadStream(file.path).pipe(response))
    await expectHttp2Fallback(t)
  })

  await t.test('a stream', async (t) => {
    server.once('stream', (stream) => createReadStream(file.path).pipe(stream))
    await expectHttp2Fallback(t)
  })

  async function expectHttp2Fallback(t: Test): Promise<void> {
    const count = startCounting()
    t.same(await fetch(client), { size: file.size, sha256: file.sha256 }, 'every byte is right')
    expectFallback(t, count(), 'http2')
  }
})

t.test('every reason above is one of the closed list', async (t) => {
  t.ok(Object.isFrozen(FALLBACK_REASONS))
  for (const { reason } of Object.values(cases)) t.ok(FALLBACK_REASONS.includes(reason), reason)
})

function expectFallback(t: Test, { transfers, fallbacks }: StatsDifference, reason: FallbackReason): void {
  t.same({ tls: transfers.tls, tcp: transfers.tcp }, { tls: 0, tcp: 0 }, 'nothing is offloaded')
  const counted = Object.entries(fallbacks).filter(([, count]) => count !== 0)
  t.same(counted, [[reason, 1]], 'the reason is counted once')
}

function fetch(client: http2.ClientHttp2Session): Promise<Pick<TestFile, 'size' | 'sha256'>> {
  return sizeAndSha256(client.request({ ':path': '/' }))
}
