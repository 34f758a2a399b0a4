import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { Duplex, PassThrough, pipeline as pipelineWithCallback, Readable, Writable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { destinationOf, isZeroCopyPipe, pipeObstacle, waitUntilEmpty } from '../../../src/pipe/zero-copy-destination.js'
import { createZeroCopyPipe } from '../../../src/pipe/zero-copy-pipe.js'
import { connectPair } from '../fixtures/connection.js'
import { FakeBinding, FakeFile, FakeQueue } from '../fixtures/fake-binding.js'
import { throwsInvalidArgument } from '../fixtures/invalid-argument.js'
import { useBinding } from '../fixtures/slots.js'

useBinding(new FakeBinding())

/** A destination that remembers, and takes a moment for each chunk. */
class Sink extends Writable {
  readonly written: Buffer[] = []
  readonly encodings: string[] = []
  readonly events: string[] = []
  failWith: Error | undefined
  slow = false

  constructor(options: ConstructorParameters<typeof Writable>[0] = {}) {
    super({ highWaterMark: 1024, ...options })
    for (const event of ['pipe', 'unpipe', 'finish', 'close', 'error']) this.on(event, () => this.events.push(event))
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.encodings.push(encoding)
    this.written.push(Buffer.from(chunk))
    if (this.slow) setTimeout(() => callback(this.failWith), 5)
    else setImmediate(() => callback(this.failWith))
  }

  get text(): string {
    return Buffer.concat(this.written).toString()
  }
}

const follow = (stream: Writable, ...names: string[]) => {
  const events: string[] = []
  for (const name of names) stream.on(name, () => events.push(name))
  return events
}

function file(t: Test, content: string) {
  return createReadStream(join(t.testdir({ file: content }), 'file'), { highWaterMark: 1000 })
}

t.test('wrong arguments', async (t) => {
  const destination = new Sink()
  for (const wrong of [undefined, null, 'res', 5, {}, { write: true }, { write() {} }, Readable.from([])]) {
    throwsInvalidArgument(t, 'destination', wrong, () => createZeroCopyPipe(wrong as never))
  }
  for (const wrong of [null, true, 'end', 5]) {
    throwsInvalidArgument(t, 'options', wrong, () => createZeroCopyPipe(destination, wrong as never))
  }
  for (const wrong of [null, 0, 'false']) {
    throwsInvalidArgument(t, 'options.end', wrong, () => createZeroCopyPipe(destination, { end: wrong as never }))
  }
  for (const wrong of [null, {}, 'signal', new AbortController()]) {
    throwsInvalidArgument(t, 'options.signal', wrong, () => createZeroCopyPipe(destination, { signal: wrong as never }))
  }
  t.equal(destination.listenerCount('close'), 1, 'nothing was left on it')
})

t.test('it is known as a zero-copy pipe, and its destination with it', async (t) => {
  const destination = new Sink()
  const pipe = createZeroCopyPipe(destination)
  t.equal(isZeroCopyPipe(pipe), true)
  t.equal(isZeroCopyPipe(destination), false)
  t.equal(destinationOf(pipe), destination)
  t.equal(destinationOf(destination), undefined)
})

t.test('before anything is known', async (t) => {
  const pipe = createZeroCopyPipe(new Sink())
  t.strictSame([pipe.offloaded, pipe.fallbackReason, pipe.bytesOffloaded], [undefined, undefined, 0])
})

t.test('forwards other sources, chunk by chunk and in their encodings', async (t) => {
  const destination = new Sink({ decodeStrings: false })
  const pipe = createZeroCopyPipe(destination)
  pipe.write('ä', 'latin1')
  pipe.write(Buffer.from([1, 2]))
  pipe.end('6162', 'hex')
  await finished(destination)
  t.strictSame(destination.written.map(String), ['ä', '\u0001\u0002', '6162'])
  t.strictSame(destination.encodings, ['latin1', 'buffer', 'hex'])

  const other = new Sink()
  Readable.from(['a', 'b', 'c']).pipe(createZeroCopyPipe(other))
  await finished(other)
  t.equal(other.text, 'abc')
})

t.test('a file into what is no socket: forwarded, and the reason told', async (t) => {
  const content = 'file content '.repeat(1000)
  const destination = new Sink()
  const pipe = createZeroCopyPipe(destination)
  const reasons: unknown[] = []
  pipe.on('fallback', (reason) => reasons.push(reason))
  pipe.on('offload', () => t.fail('offloaded'))
  t.equal(file(t, content).pipe(pipe), pipe)
  await finished(destination)
  t.equal(destination.text, content)
  t.strictSame(reasons, ['destination-unsupported'])
  t.strictSame([pipe.offloaded, pipe.fallbackReason, pipe.bytesOffloaded], [false, 'destination-unsupported', 0])
})

t.test('a file into a socket: told of, and its bytes counted', async (t) => {
  const binding = new FakeBinding()
  useBinding(binding)
  t.teardown(() => useBinding(new FakeBinding()))
  const queue = new FakeQueue(binding)
  queue.completesRanges = true
  binding.files.push(new FakeFile())
  binding.tcpQueues.push(queue)
  const { near } = await connectPair(t)
  const content = 'x'.repeat(100_000)
  const pipe = createZeroCopyPipe(near)
  const told: unknown[] = []
  pipe.on('offload', (engine) => told.push(engine))
  file(t, content).pipe(pipe)
  await once(pipe, 'finish')
  t.strictSame(told, ['tcp'])
  t.match(pipe, { offloaded: true, bytesOffloaded: content.length, fallbackReason: undefined })
})

t.test('back-pressure of the destination reaches the source', async (t) => {
  const destination = new Sink({ highWaterMark: 10 })
  destination.slow = true
  const pipe = createZeroCopyPipe(destination)
  t.equal(pipe.writableHighWaterMark, 10)
  let given = 0
  const source = new Readable({
    highWaterMark: 1,
    read() {
      this.push(++given <= 1000 ? Buffer.alloc(10) : null)
    },
  })
  source.pipe(pipe)
  await sleep(40)
  t.ok(given < 100, `${given} chunks were read while ${destination.written.length} were written`)
  source.destroy()
})

t.test('ends its destination; finish comes after its finish, close after that', async (t) => {
  const destination = new Sink()
  destination.slow = true
  const pipe = createZeroCopyPipe(destination)
  const order: string[] = []
  destination.on('finish', () => order.push('destination finish'))
  pipe.on('finish', () => order.push('pipe finish')).on('close', () => order.push('pipe close'))
  Readable.from(['a', 'b']).pipe(pipe)
  await finished(pipe)
  await turn()
  t.strictSame(order, ['destination finish', 'pipe finish', 'pipe close'])
  t.equal(destination.writableFinished, true)
  t.equal(pipe.writableFinished, true)
})

t.test('end: false leaves the destination open, and finishes when it took the last byte', async (t) => {
  const destination = new Sink()
  destination.slow = true
  for (const text of ['one', 'two']) {
    const pipe = createZeroCopyPipe(destination, { end: false })
    Readable.from([text]).pipe(pipe)
    await finished(pipe)
    t.equal(destination.written.at(-1)?.toString(), text)
    t.equal(destination.writableLength, 0)
    t.equal(destination.writableEnded, false)
  }
  t.equal(destination.destroyed, false)
  t.equal(destination.listenerCount('error'), 1, 'no listener is left behind')
  t.equal(destination.listenerCount('close'), 1)
})

t.test('a destination that was finished by someone else', async (t) => {
  const destination = new Sink({ autoDestroy: false })
  const pipe = createZeroCopyPipe(destination)
  destination.end('last')
  await finished(destination)
  pipe.end()
  await finished(pipe)
  t.equal(pipe.writableFinished, true)
  t.equal(destination.text, 'last')
})

t.test('an error of the destination is one of the pipe, once', async (t) => {
  const failure = new Error('disk full')
  const destination = new Sink()
  destination.failWith = failure
  const pipe = createZeroCopyPipe(destination)
  const errors: Error[] = []
  pipe.on('error', (error) => errors.push(error))
  const events = follow(pipe, 'finish', 'close')
  pipe.write('a')
  pipe.write('b')
  await new Promise((resolve) => pipe.once('close', resolve))
  await turn()
  t.strictSame(errors, [failure])
  t.equal(errors[0], failure)
  t.strictSame(events, ['close'])
  t.equal(pipe.destroyed, true)
})

t.test('an error that the destination comes to by itself, too', async (t) => {
  const failure = new Error('connection reset')
  const destination = new Sink()
  const pipe = createZeroCopyPipe(destination)
  const failed = new Promise((resolve) => pipe.once('error', resolve))
  destination.destroy(failure)
  t.equal(await failed, failure)
})

t.test('a destination that closes early closes the pipe', async (t) => {
  const destination = new Sink()
  const pipe = createZeroCopyPipe(destination)
  const events = follow(pipe, 'error', 'finish', 'close')
  pipe.write('a')
  destination.destroy()
  await new Promise((resolve) => pipe.once('close', resolve))
  t.strictSame(events, ['close'])
  t.equal(pipe.destroyed, true)
})

t.test('a destination that is destroyed already: the pipe fails, and does not wait for ever', async (t) => {
  for (const content of ['', 'content']) {
    for (const end of [true, false]) {
      const destination = new Sink().destroy()
      await turn()
      const pipe = createZeroCopyPipe(destination, { end })
      const outcome = pipeline(Readable.from(content === '' ? [] : [content]), pipe).then(
        () => 'done',
        (error: NodeJS.ErrnoException) => error.code,
      )
      const code = await Promise.race([outcome, sleep(500, 'waiting')])
      t.match(code, /^ERR_STREAM_(PREMATURE_CLOSE|DESTROYED)$/, `'${content}', end: ${end}`)
      t.equal(pipe.destroyed, true)
    }
  }
})

t.test('destroy leaves the destination open, for whoever has it', async (t) => {
  const destination = new Sink()
  const pipe = createZeroCopyPipe(destination)
  const source = new Readable({ read() {} })
  source.pipe(pipe)
  source.push('before')
  while (destination.text !== 'before') await turn()
  pipe.destroy()
  await new Promise((resolve) => pipe.once('close', resolve))
  t.equal(destination.destroyed, false)
  t.equal(destination.writableEnded, false)
  t.equal(destination.listenerCount('error'), 1, 'no listener is left behind')
  t.equal(destination.listenerCount('close'), 1)
  destination.end('after')
  await finished(destination)
  t.equal(destination.text, 'beforeafter')
})

t.test('destroy with an error: the pipe has it, the destination does not', async (t) => {
  const destination = new Sink()
  const pipe = createZeroCopyPipe(destination)
  const failure = new Error('enough')
  const failed = new Promise((resolve) => pipe.once('error', resolve))
  pipe.destroy(failure)
  t.equal(await failed, failure)
  await turn()
  t.strictSame(destination.events, [])
})

t.test('unpipe leaves both open', async (t) => {
  const destination = new Sink()
  const pipe = createZeroCopyPipe(destination)
  const source = new PassThrough()
  source.pipe(pipe)
  source.write('one')
  while (destination.text !== 'one') await turn()
  source.unpipe(pipe)
  source.end()
  await turn()
  t.equal(pipe.writableEnded, false)
  t.equal(destination.writableEnded, false)
  pipe.end('two')
  await finished(destination)
  t.equal(destination.text, 'onetwo')
})

t.test('signal: an AbortError, and the destination is left open', async (t) => {
  const destination = new Sink()
  const controller = new AbortController()
  const pipe = createZeroCopyPipe(destination, { signal: controller.signal })
  const failed = new Promise<Error>((resolve) => pipe.once('error', resolve))
  pipe.write('a')
  controller.abort()
  t.match(await failed, { name: 'AbortError', code: 'ABORT_ERR' })
  t.equal(pipe.destroyed, true)
  t.equal(destination.destroyed, false)
})

t.test('signal: aborted before', async (t) => {
  const pipe = createZeroCopyPipe(new Sink(), { signal: AbortSignal.abort() })
  const failed = new Promise<Error>((resolve) => pipe.once('error', resolve))
  t.match(await failed, { name: 'AbortError' })
})

t.test('signal: after the end it does nothing', async (t) => {
  const destination = new Sink()
  const controller = new AbortController()
  const pipe = createZeroCopyPipe(destination, { signal: controller.signal })
  pipe.on('error', (error) => t.fail(String(error)))
  pipe.end('a')
  await finished(pipe)
  controller.abort()
  await turn()
  t.equal(destination.text, 'a')
})

t.test('in a pipeline, as its last stream', async (t) => {
  const content = 'x'.repeat(10_000)
  const destination = new Sink()
  await pipeline(file(t, content), createZeroCopyPipe(destination))
  t.equal(destination.text, content)
  t.equal(destination.writableFinished, true)

  const upper = new Sink()
  await pipeline(
    Readable.from(['a', 'b']),
    async function* (source) {
      for await (const chunk of source) yield String(chunk).toUpperCase()
    },
    createZeroCopyPipe(upper),
  )
  t.equal(upper.text, 'AB')
})

t.test('in a pipeline that fails at either end', async (t) => {
  const failure = new Error('write failed')
  const destination = new Sink()
  destination.failWith = failure
  await t.rejects(pipeline(file(t, 'x'.repeat(5000)), createZeroCopyPipe(destination)), failure)

  const open = new Sink()
  const broken = new Readable({
    read() {
      this.destroy(new Error('read failed'))
    },
  })
  await t.rejects(pipeline(broken, createZeroCopyPipe(open)), { message: 'read failed' })
  t.equal(open.destroyed, false, 'as when the pipe is destroyed')
})

t.test('in a pipeline whose destination closes early', async (t) => {
  const destination = new Sink()
  const source = new Readable({ read() {} })
  source.push('a')
  const done = pipeline(source, createZeroCopyPipe(destination))
  await turn()
  destination.destroy()
  await t.rejects(done, { code: 'ERR_STREAM_PREMATURE_CLOSE' })
  t.equal(source.destroyed, true)
})

t.test("in pipeline's callback form, and in front of a Duplex", async (t) => {
  const duplex = new PassThrough()
  const read = duplex.toArray()
  const error = await new Promise((resolve) =>
    pipelineWithCallback(Readable.from(['one', 'two']), createZeroCopyPipe(duplex), resolve),
  )
  t.equal(error, undefined)
  t.equal(Buffer.concat(await read).toString(), 'onetwo')
  t.ok(duplex instanceof Duplex)
})

t.test('waitUntilEmpty: when everything before has left the pipe, of which the destination sees nothing', async (t) => {
  const sink = new Sink()
  const pipe = createZeroCopyPipe(sink)
  const never = () => t.fail('there is nothing to wait for')
  t.equal(waitUntilEmpty(pipe, never), false, 'empty')
  for (const word of ['one', 'two']) pipe.write(word)
  await new Promise<unknown>((resolve) => t.equal(waitUntilEmpty(pipe, resolve), true))
  t.equal(sink.text, 'onetwo')
  t.equal(sink.written.length, 2)

  pipe.cork()
  let isEmpty = false
  t.equal(
    waitUntilEmpty(pipe, () => {
      isEmpty = true
    }),
    true,
    'what is written to it later is behind a range, and corked it stays in front of none',
  )
  await turn()
  t.equal(isEmpty, false)
  pipe.uncork()
  await turn()
  t.equal(isEmpty, true)

  pipe.write('three')
  pipe.end()
  t.equal(waitUntilEmpty(pipe, never), false, 'ended')
  await finished(pipe)
  t.equal(waitUntilEmpty(pipe, never), false, 'destroyed')
})

t.test('waitUntilEmpty: a pipe that is destroyed meanwhile', async (t) => {
  const pipe = createZeroCopyPipe(new Sink())
  pipe.write('one')
  const emptied = new Promise<unknown>((resolve) => waitUntilEmpty(pipe, resolve))
  pipe.destroy()
  t.match(await emptied, { code: 'ERR_STREAM_DESTROYED' })
})

t.test('pipeObstacle', async (t) => {
  const pipe = createZeroCopyPipe(new Sink())
  t.equal(pipeObstacle(pipe), undefined)
  for (const method of ['write', '_write'] as const) {
    const own = pipe[method]
    Object.assign(pipe, { [method]: (...parameters: never[]) => Reflect.apply(own, pipe, parameters) })
    t.equal(pipeObstacle(pipe), 'response-wrapped', method)
    Reflect.deleteProperty(pipe, method)
  }
  t.equal(pipeObstacle(pipe), undefined)
  pipe.end()
  t.equal(pipeObstacle(pipe), 'destination-unavailable', 'ended')
  t.equal(pipeObstacle(createZeroCopyPipe(new Sink()).destroy()), 'destination-unavailable', 'destroyed')
})
