import { createReadStream, openSync, ReadStream } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import t, { type Test } from 'tap'
import { getStats } from '../../../src/observe/stats.js'
import { interceptPipe, restorePipe } from '../../../src/pipe/pipe-interceptor.js'
import { createZeroCopyPipe } from '../../../src/pipe/zero-copy-pipe.js'
import { FakeBinding } from '../fixtures/fake-binding.js'
import { sink } from '../fixtures/sink.js'
import { useBinding } from '../fixtures/slots.js'

type Pipe = (this: Readable, ...parameters: unknown[]) => unknown
const prototype = ReadStream.prototype as unknown as { pipe: Pipe }
const ownPipe = () => Reflect.getOwnPropertyDescriptor(prototype, 'pipe')

useBinding(new FakeBinding())

function intercept(t: Test): void {
  interceptPipe()
  t.teardown(() => {
    restorePipe()
    Reflect.deleteProperty(prototype, 'pipe')
  })
}

function file(t: Test): ReadStream {
  // Open: a stream that opens its file by itself may do so when the test and its folder are gone.
  const stream = createReadStream('', { fd: openSync(join(t.testdir({ file: 'content' }), 'file'), 'r') })
  t.teardown(() => stream.destroy())
  return stream
}

/** How many transfers were planned: a Writable that is no socket is a fallback each time. */
const planned = () => getStats().fallbacks['destination-unsupported'] ?? 0

t.test('the prototype has an own pipe(), as inconspicuous as a method of a class', async (t) => {
  t.equal(ownPipe(), undefined)
  intercept(t)
  t.match(ownPipe(), { configurable: true, writable: true, enumerable: false, value: Function })
  t.equal(prototype.pipe.name, 'pipe')
  t.equal(Object.hasOwn(Readable.prototype, 'pipe'), true, 'the inherited one is untouched')
  t.not(Readable.prototype.pipe, prototype.pipe)
})

t.test('idempotent; taken away, the inherited one is there again', async (t) => {
  intercept(t)
  const pipe = prototype.pipe
  interceptPipe()
  t.equal(prototype.pipe, pipe)
  restorePipe()
  t.equal(ownPipe(), undefined)
  t.equal(prototype.pipe, Readable.prototype.pipe as Pipe)
  restorePipe()
  t.equal(ownPipe(), undefined)
})

t.test('plans each pipe, hands every argument on, and returns the destination', async (t) => {
  intercept(t)
  const { stream, written } = sink()
  const before = planned()
  const source = file(t)
  t.equal(source.pipe(stream), stream)
  await finished(stream)
  t.strictSame(written, ['content'])
  t.equal(planned(), before + 1)

  const open = sink()
  const other = file(t)
  t.equal(other.pipe(open.stream, { end: false }), open.stream)
  await finished(other)
  t.equal(open.stream.writableEnded, false)
  t.equal(planned(), before + 2)
})

t.test('other streams are not looked at', async (t) => {
  intercept(t)
  const before = planned()
  const { stream, written } = sink()
  Readable.from(['a', 'b']).pipe(stream)
  await finished(stream)
  t.strictSame(written, ['a', 'b'])
  t.equal(planned(), before)
})

t.test('a zero-copy pipe plans for itself, once', async (t) => {
  intercept(t)
  const before = planned()
  const { stream } = sink()
  file(t).pipe(createZeroCopyPipe(stream))
  await finished(stream)
  t.equal(planned(), before + 1)
})

t.test('a wrong destination is the error of plain Node', async (t) => {
  for (const destination of [undefined, null, 'text', 5, {}]) {
    const attempt = (): unknown => {
      try {
        return Reflect.apply(prototype.pipe, file(t), [destination])
      } catch (error) {
        const { name, message, code } = error as NodeJS.ErrnoException
        return { name, message, code }
      }
    }
    const plain = attempt()
    interceptPipe()
    const intercepted = attempt()
    restorePipe()
    t.match(plain, { name: 'TypeError' })
    t.strictSame(intercepted, plain, String(destination))
  }
})

t.test('a pipe() that is put on Readable.prototype later is still heard', async (t) => {
  intercept(t)
  const original = Readable.prototype.pipe
  const heard: unknown[][] = []
  Readable.prototype.pipe = function (this: Readable, ...parameters: Parameters<typeof original>) {
    heard.push([this, ...parameters])
    return Reflect.apply(original, this, parameters)
  } as typeof original
  t.teardown(() => {
    Readable.prototype.pipe = original
  })
  const before = planned()
  const source = file(t)
  const { stream } = sink()
  const options = { end: true }
  source.pipe(stream, options)
  await finished(stream)
  t.equal(heard.length, 1)
  for (const [index, expected] of [source, stream, options].entries()) t.equal(heard[0]?.[index], expected)
  t.equal(planned(), before + 1)
})

t.test('a pipe() that was wrapped around ours stays when ours is taken away, and works', async (t) => {
  intercept(t)
  const ours = prototype.pipe
  let heard = 0
  const theirs: Pipe = function (this: Readable, ...parameters) {
    heard++
    return Reflect.apply(ours, this, parameters)
  }
  prototype.pipe = theirs
  restorePipe()
  t.equal(prototype.pipe, theirs)
  const before = planned()
  const { stream, written } = sink()
  file(t).pipe(stream)
  await finished(stream)
  t.strictSame(written, ['content'])
  t.equal(heard, 1)
  t.equal(planned(), before, 'and ours inside it plans no more')

  intercept(t)
  const again = sink()
  file(t).pipe(again.stream)
  await finished(again.stream)
  t.strictSame(again.written, ['content'])
  t.equal(heard, 2)
  t.equal(planned(), before + 1, 'around it, it plans once')
})

t.test('a pipe() that somebody put there before is still heard, and is there again afterwards', async (t) => {
  let heard = 0
  const theirs: Pipe = function (this: Readable, ...parameters) {
    heard++
    return Reflect.apply(Readable.prototype.pipe, this, parameters)
  }
  Object.defineProperty(prototype, 'pipe', { value: theirs, configurable: true, writable: true })
  intercept(t)
  const before = planned()
  const { stream, written } = sink()
  file(t).pipe(stream)
  await finished(stream)
  t.strictSame(written, ['content'])
  t.equal(heard, 1)
  t.equal(planned(), before + 1)
  restorePipe()
  t.equal(prototype.pipe, theirs)
})
