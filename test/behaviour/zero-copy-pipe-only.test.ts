// An application that asks for zero copy where it wants it and never calls install().

import { once } from 'node:events'
import { createReadStream, ReadStream } from 'node:fs'
import net from 'node:net'
import { createZeroCopyPipe, getOffloadState, type ZeroCopyPipe } from 'ktls-pipe'
import t from 'tap'
import { curl } from '../support/curl.js'
import { temporaryFolder, writeRandomFile } from '../support/files.js'
import { receive, request } from '../support/http-client.js'
import { expectTlsTransfers, kernelTls, startCounting, tlsTxSw } from '../support/kernel.js'
import { startHttp, startHttps, startTcp } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

t.setTimeout(timeLimitMs)

t.test('createZeroCopyPipe without install', async (t) => {
  const file = writeRandomFile(temporaryFolder(t), 700_001)
  const expected = [{ size: file.size, sha256: file.sha256 }]
  let pipe: ZeroCopyPipe | undefined
  let events: unknown[][] = []
  const listener = (_request: unknown, response: NodeJS.WritableStream) => {
    const own = createZeroCopyPipe(response)
    pipe = own
    events = []
    for (const event of ['offload', 'fallback', 'finish', 'close']) {
      own.on(event, (...values: unknown[]) => events.push([event, ...values]))
    }
    createReadStream(file.path).pipe(own)
  }

  await t.test('over https', async (t) => {
    const { port } = await startHttps(t, listener)
    const count = startCounting()
    const sessionsBefore = tlsTxSw()
    t.same(await curl(t, [{ url: `https://127.0.0.1:${port}/` }]), expected)
    expectTlsTransfers(t, count(), 1, 'the file')
    if (kernelTls) {
      t.equal(tlsTxSw() - sessionsBefore, 1, 'the kernel counts the session')
      t.match(pipe, { offloaded: true, fallbackReason: undefined, bytesOffloaded: file.size })
      t.same(getOffloadState(pipe as object), { encryption: 'kernel', bytesOffloaded: file.size })
      t.same(events, [['offload', 'tls'], ['finish'], ['close']])
    } else {
      t.match(pipe, { offloaded: false, fallbackReason: 'kernel-tls-unavailable', bytesOffloaded: 0 })
      t.same(events, [['fallback', 'kernel-tls-unavailable'], ['finish'], ['close']])
    }
  })

  await t.test('over http', async (t) => {
    const { port } = await startHttp(t, listener)
    t.same(await curl(t, [{ url: `http://127.0.0.1:${port}/` }]), expected)
    t.match(pipe, { offloaded: true, bytesOffloaded: file.size })
    t.same(events, [['offload', 'tcp'], ['finish'], ['close']])
  })

  await t.test('a listener of its events that throws is uncaught, and the file arrives', async (t) => {
    const failure = new Error("the user's")
    for (const scheme of ['https', 'http'] as const) {
      const start = scheme === 'https' ? startHttps : startHttp
      const { port } = await start(t, (_request, response) => {
        const own = createZeroCopyPipe(response)
        for (const event of ['offload', 'fallback']) {
          own.on(event, () => {
            throw failure
          })
        }
        createReadStream(file.path).pipe(own)
      })
      const thrown: unknown[] = []
      process.setUncaughtExceptionCaptureCallback((error) => thrown.push(error))
      try {
        t.same(await curl(t, [{ url: `${scheme}://127.0.0.1:${port}/` }]), expected)
      } finally {
        process.setUncaughtExceptionCaptureCallback(null)
      }
      t.strictSame(thrown, [failure])
    }
  })

  await t.test('what a listener of its events writes arrives behind the file', async (t) => {
    for (const scheme of ['https', 'http'] as const) {
      const start = scheme === 'https' ? startHttps : startHttp
      const { port } = await start(t, (_request, response) => {
        const own = createZeroCopyPipe(response, { end: false })
        for (const event of ['offload', 'fallback']) own.on(event, () => response.write('and '))
        own.on('finish', () => response.end('the end'))
        createReadStream(file.path).pipe(own)
      })
      const { bytes } = await receive(await request(scheme, port))
      t.equal(bytes.length, file.size + 'and the end'.length)
      // Where nothing is offloaded the event comes before the first byte.
      const words = bytes.subarray(-'the end'.length).toString()
      t.equal(words, 'the end')
      t.equal(bytes.toString('latin1').split('and ').length, 2)
    }
  })

  await t.test('destroyed while it holds something: nothing of the file goes past it', async (t) => {
    let bytes = 0
    const { port } = await startTcp(t, (socket) => {
      const own = createZeroCopyPipe(socket)
      own.cork()
      own.write('never sent')
      const source = createReadStream(file.path)
      source.pipe(own)
      source.on('ready', () => setImmediate(() => own.destroy()))
      own.on('close', () => setImmediate(() => socket.end('over')))
    })
    const socket = net.connect(port, '127.0.0.1')
    socket.on('data', (chunk) => {
      bytes += chunk.length
    })
    await once(socket, 'close')
    t.equal(bytes, 'over'.length)
  })

  await t.test('other pipes are left alone', async (t) => {
    const { port } = await startHttp(t, (_request, response) => createReadStream(file.path).pipe(response))
    const count = startCounting()
    t.same(await curl(t, [{ url: `http://127.0.0.1:${port}/` }]), expected)
    const { transfers, fallbacks } = count()
    t.equal(transfers.tcp, 0, 'nothing is offloaded')
    t.same(
      Object.values(fallbacks).filter((number) => number !== 0),
      [],
      'and nobody looked',
    )
    t.notOk(Object.hasOwn(ReadStream.prototype, 'pipe'), 'no prototype was touched')
  })
})
