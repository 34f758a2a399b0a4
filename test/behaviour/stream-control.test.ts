// What an application does to a pipe while it is under way: pause, unpipe, a second pipe, another destination. The
// kernel carries the bytes in ranges: where the length of a body is known it stops at once, and where a range is a chunk of
// a chunked body, at its end.

import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { createReadStream, type ReadStream, readFileSync } from 'node:fs'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { pipeline } from 'node:stream'
import { install, setOffload } from 'ktls-pipe'
import t, { type Test } from 'tap'
import { Collector } from '../support/collector.js'
import { sha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { receive, request, type Scheme } from '../support/http-client.js'
import { expectOffloaded, kernelTls, startCounting } from '../support/kernel.js'
import { startHttp, startHttps } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

const schemes = ['https', 'http'] as const
const framings = ['chunked', 'with a Content-Length'] as const
// More than a connection holds, and several ranges.
const size = 24 * 1024 * 1024
// What a system call has sent is known when it is over; none sends more.
const largestCallBytes = 1024 * 1024

t.setTimeout(timeLimitMs)
install()

const file = writeRandomFile(temporaryFolder(t), size)
const content = readFileSync(file.path)

const ways = schemes.flatMap((scheme) => framings.map((framing): Way => ({ scheme, framing })))

for (const way of ways) {
  const { scheme, framing } = way
  t.test(`${scheme}, ${framing}`, async (t) => {
    const isOffloaded = scheme === 'http' || kernelTls
    // A chunk whose length was announced is sent whole.
    const stopsAtOnce = isOffloaded && framing === 'with a Content-Length'
    const pauseHolds = isOffloaded ? {} : { skip: "kernel-tls-unavailable: plain Node's next 'drain' undoes a pause" }
    await t.test('pause and resume', pauseHolds, async (t) => {
      const { source, incoming } = await transfer(t, way, (source, response) => source.pipe(response))
      source.pause()
      const receiving = receive(incoming)
      await untilQuiet(incoming)
      t.notOk(source.readableEnded, 'it does not go on by itself')
      const readBefore = source.bytesRead
      source.resume()
      expectFile(t, (await receiving).bytes)
      t.ok(readBefore < size, 'a part of it was sent after the pause')
    })

    await t.test('unpipe, and pipe again', async (t) => {
      const { source, response, incoming } = await transfer(t, way, (source, response) => source.pipe(response))
      source.unpipe(response)
      const receiving = receive(incoming)
      await untilQuiet(incoming)
      t.notOk(source.readableEnded, 'it does not go on by itself')
      source.pipe(response)
      expectFile(t, (await receiving).bytes)
    })

    await t.test('unpipe, and pipe the rest elsewhere', async (t) => {
      const { source, response, incoming } = await transfer(t, way, (source, response) => source.pipe(response))
      source.unpipe(response)
      const receiving = receive(incoming)
      await untilQuiet(incoming)
      const rest = new Collector()
      source.pipe(rest)
      await once(rest, 'finish')
      // Less than was announced has come then, so the connection is of no more use.
      if (framing === 'chunked') response.end()
      else response.destroy()
      const { bytes } = await receiving
      t.ok(bytes.length > 0 && rest.bytes.length > 0, 'both got a part')
      expectFile(t, Buffer.concat([bytes, rest.bytes]))
    })

    await t.test('a second pipe', async (t) => {
      const { source, response, incoming } = await transfer(t, way, (source, response) => source.pipe(response))
      const second = new Collector()
      const finished = once(second, 'finish')
      source.pipe(second)
      const leastLeft = stopsAtOnce ? size - mostSent(source, response) : 1
      expectFile(t, (await receive(incoming)).bytes)
      await finished
      const { length } = second.bytes
      t.ok(length >= leastLeft && length < size, 'the second one gets what comes after it')
      t.equal(sha256(second.bytes), sha256(content.subarray(-second.bytes.length)))
    })

    await t.test("a 'data' listener", async (t) => {
      const { source, response, incoming } = await transfer(t, way, (source, response) => source.pipe(response))
      const seen = new Collector()
      source.on('data', (chunk) => seen.write(chunk))
      const leastLeft = stopsAtOnce ? size - mostSent(source, response) : 1
      expectFile(t, (await receive(incoming)).bytes)
      t.ok(seen.bytes.length >= leastLeft && seen.bytes.length < size, 'it sees what comes after it')
      t.equal(sha256(seen.bytes), sha256(content.subarray(-seen.bytes.length)))
    })

    await t.test('the client goes away', async (t) => {
      let failed: Promise<unknown> = Promise.resolve()
      const { source, incoming } = await transfer(t, way, (source, response) => {
        failed = new Promise((resolve) => pipeline(source, response, resolve))
      })
      incoming.destroy()
      t.match(await failed, { code: 'ERR_STREAM_PREMATURE_CLOSE' })
      t.equal(source.destroyed, true)
    })

    if (framing === 'with a Content-Length') {
      await t.test('what is not sent when it is stopped is not sent', pauseHolds, async (t) => {
        for (const stop of ['pause', 'unpipe', 'destroy'] as const) {
          const { source, response, incoming } = await transfer(t, way, (source, response) => source.pipe(response))
          const mostQueued = response.writableHighWaterMark + source.readableHighWaterMark
          t.ok(response.writableLength <= mostQueued, 'it queues no more than plain Node')
          source[stop]()
          const most = mostSent(source, response)
          const receiving = receive(incoming)
          await untilQuiet(incoming)
          t.ok(source.bytesRead <= most, stop, { bytesRead: source.bytesRead, most })
          source.destroy()
          response.destroy()
          const { bytes } = await receiving
          t.ok(bytes.length > 0 && bytes.length <= source.bytesRead, 'what the source has read, or less')
          t.equal(sha256(bytes), sha256(content.subarray(0, bytes.length)), 'every byte is right')
        }
      })
    }

    await t.test('callbacks run in the async context of their writer', async (t) => {
      const expected = await storesSeen(t, scheme, false)
      t.same(await storesSeen(t, scheme, true), expected, 'as without offloading')
      t.match(expected, { 'source end': 'the request' })
    })
  })
}

/**
 * Of a file that has just been stopped: what has been sent, what the system call under way sends and what is read in advance.
 * Asked before, it would not count what was sent until the stop.
 */
function mostSent(source: ReadStream, response: ServerResponse): number {
  return (response.socket as Socket).bytesWritten + largestCallBytes + source.readableHighWaterMark
}

interface Way {
  scheme: Scheme
  framing: (typeof framings)[number]
}

interface Transfer {
  source: ReadStream
  response: ServerResponse
  incoming: IncomingMessage
}

/** A transfer whose first bytes are there, and which waits for its reader. */
async function transfer(
  t: Test,
  { scheme, framing }: Way,
  pipe: (source: ReadStream, response: ServerResponse) => unknown,
): Promise<Transfer> {
  const source = createReadStream(file.path)
  const count = startCounting()
  let response: ServerResponse | undefined
  const port = await start(t, scheme, (_request, own) => {
    response = own
    if (framing === 'with a Content-Length') own.setHeader('Content-Length', size)
    pipe(source, own)
  })
  const incoming = await request(scheme, port)
  await once(incoming, 'readable')
  expectOffloaded(t, scheme, count(), 1)
  return { source, response: response as ServerResponse, incoming }
}

async function start(t: Test, scheme: Scheme, listener: RequestListener): Promise<number> {
  const { port } = scheme === 'https' ? await startHttps(t, listener) : await startHttp(t, listener)
  return port
}

/** Until nothing has come for a while: that nothing comes any more has no event. */
function untilQuiet(incoming: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(finish, 1000)
    const restart = () => timer.refresh()
    incoming.on('data', restart)
    function finish() {
      incoming.off('data', restart)
      resolve()
    }
  })
}

function expectFile(t: Test, bytes: Buffer): void {
  t.same({ size: bytes.length, sha256: sha256(bytes) }, { size: file.size, sha256: file.sha256 }, 'every byte is right')
}

/** What an AsyncLocalStorage holds in the callbacks of one download. */
async function storesSeen(t: Test, scheme: Scheme, offload: boolean): Promise<Record<string, unknown>> {
  const storage = new AsyncLocalStorage<string>()
  const seen: Record<string, unknown> = {}
  const note = (name: string) => () => {
    seen[name] = storage.getStore()
  }
  let closed: Promise<unknown> | undefined
  const port = await start(t, scheme, (_request, response) => {
    storage.run('the request', () => {
      const source = createReadStream(file.path)
      closed = Promise.all([once(source, 'close'), once(response, 'close')])
      setOffload(source, offload)
      response.on('finish', note('response finish'))
      source.on('end', note('source end'))
      source.on('close', note('source close'))
      source.pipe(response, { end: false })
      source.on('end', () => storage.run('the end', () => response.end('after', note('end callback'))))
    })
    response.write('before')
    storage.run('the request', () => response.write('again', note('write callback')))
  })
  const count = startCounting()
  await receive(await request(scheme, port))
  await closed
  expectOffloaded(t, scheme, count(), offload ? 1 : 0)
  return seen
}
