import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs, {
  appendFileSync,
  closeSync,
  constants,
  createReadStream,
  openSync,
  ReadStream,
  readSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { NativeBinding } from '../../../src/native/binding.js'
import { loadBinding } from '../../../src/native/load.js'
import type { InternalSource } from '../../../src/node-internals.js'
import { optOut } from '../../../src/opt-out.js'
import { bytesLeftAtMost, FileSource } from '../../../src/pipe/file-source.js'

const { binding: loaded } = loadBinding()
if (loaded === undefined) throw new Error('the addon is missing: npm run build:native')
const binding: NativeBinding = loaded

const content = Buffer.from(Array.from({ length: 1000 }, (_, index) => 97 + (index % 26)))
type StreamOptions = Exclude<Parameters<typeof createReadStream>[1], string | undefined>

function makeFile(t: Test, bytes: Buffer | string = content): string {
  const path = join(t.testdir({}), 'file')
  writeFileSync(path, bytes)
  return path
}

const ownRead: InternalSource['_read'] = () => {}
const sourceOf = (stream: ReadStream) => new FileSource(stream, ownRead)

/** A range of it that was sent wholly. */
function send(source: FileSource, bytes: number): void {
  source.reserve(binding, bytes)
  source.advance(binding, bytes)
}

/** Of a file that is open: a stream that opens it by itself may do so when the test and its folder are gone. */
const stateOf = (stream: ReadStream) => (stream as unknown as InternalSource)._readableState

function streamOf(t: Test, path: string, options: StreamOptions = {}): ReadStream {
  const stream = createReadStream('', { ...options, fd: openSync(path, 'r') })
  t.teardown(() => stream.destroy())
  return stream
}

/** A stream that is piped, and never reads by itself. It closes `fd` when it is destroyed. */
function piped(t: Test, fd: number, options: StreamOptions = {}) {
  const stream = createReadStream('', { ...options, fd, autoClose: false })
  const sink = new Writable({ write: (_chunk, _encoding, callback) => callback() })
  Object.assign(stream, { _read: () => {} })
  stream.pipe(sink)
  t.teardown(() => stream.destroy())
  return { stream, sink, source: sourceOf(stream) }
}

t.test('a whole file', async (t) => {
  const { source } = piped(t, openSync(makeFile(t), 'r'), { start: 0 })
  t.strictSame(source.remainder(binding), {
    shared: false,
    isRegularFile: true,
    offset: 0,
    bytesLeft: 1000,
  })
})

t.test('an empty file is a file', async (t) => {
  const { source } = piped(t, openSync(makeFile(t, ''), 'r'), { start: 0 })
  t.match(source.remainder(binding), { isRegularFile: true, bytesLeft: 0 })
})

t.test('start and end: from the one to the other, which is included', async (t) => {
  const path = makeFile(t)
  const cases: [StreamOptions, offset: number, bytesLeft: number][] = [
    [{ start: 0 }, 0, 1000],
    [{ start: 10 }, 10, 990],
    [{ start: 999 }, 999, 1],
    [{ start: 1000 }, 1000, 0],
    [{ start: 5000 }, 5000, -4000],
    [{ start: 0, end: 0 }, 0, 1],
    [{ start: 10, end: 19 }, 10, 10],
    [{ start: 10, end: 999 }, 10, 990],
    [{ start: 10, end: 1_000_000 }, 10, 990],
    [{ start: 2 ** 33, end: 2 ** 34 }, 2 ** 33, 1000 - 2 ** 33],
  ]
  for (const [options, offset, bytesLeft] of cases) {
    const facts = piped(t, openSync(path, 'r'), options).source.remainder(binding)
    t.match(facts, { isRegularFile: true, offset, bytesLeft }, JSON.stringify(options))
  }
})

t.test("without start: from the descriptor's own offset, and end counts from there", async (t) => {
  const cases: [StreamOptions, moved: number, bytesLeft: number][] = [
    [{}, 0, 1000],
    [{}, 100, 900],
    [{ end: 9 }, 0, 10],
    [{ end: 9 }, 100, 10],
    [{ end: 5000 }, 100, 900],
    [{}, 1000, 0],
  ]
  const path = makeFile(t)
  for (const [options, moved, bytesLeft] of cases) {
    const fd = openSync(path, 'r')
    readSync(fd, Buffer.alloc(moved), 0, moved, null)
    const facts = piped(t, fd, options).source.remainder(binding)
    t.match(facts, { isRegularFile: true, offset: moved, bytesLeft }, JSON.stringify([options, moved]))
  }
})

t.test('what went past the stream moves its position, and core goes on from there', async (t) => {
  const path = makeFile(t)
  for (const [options, first, last] of [
    [{ start: 100, end: 199 }, 100, 200],
    [{ start: 100 }, 100, 1000],
    [{ end: 99 }, 50, 150],
    [{}, 50, 1000],
  ] as [StreamOptions, number, number][]) {
    const fd = openSync(path, 'r')
    readSync(fd, Buffer.alloc(50), 0, 50, null)
    const read: Buffer[] = []
    const stream = createReadStream('', { ...options, fd, autoClose: false })
    const source = sourceOf(stream)
    const sink = new Writable({
      write(chunk, _encoding, callback) {
        read.push(chunk)
        callback()
      },
    })
    stream.pipe(sink)
    t.equal(source.remainder(binding).offset, first)
    send(source, 7)
    t.match(source.remainder(binding), { offset: first + 7, bytesLeft: last - first - 7 })
    t.equal(stream.bytesRead, 7)
    send(source, 13)
    t.match(source.remainder(binding), { offset: first + 20, bytesLeft: last - first - 20 })
    await once(sink, 'finish')
    closeSync(fd)
    t.equal(Buffer.concat(read).toString(), content.toString('latin1', first + 20, last), JSON.stringify(options))
    t.equal(stream.bytesRead, last - first)
  }
})

t.test('without start the descriptor itself is moved', async (t) => {
  const fd = openSync(makeFile(t), 'r')
  const { source } = piped(t, fd)
  send(source, 300)
  t.equal(binding.fileOffset(fd), 300)
  const next = Buffer.alloc(1)
  readSync(fd, next, 0, 1, null)
  t.equal(next.toString(), content.toString('latin1', 300, 301))
  const positioned = createReadStream('', { fd, start: 5, autoClose: false })
  send(sourceOf(positioned), 10)
  t.equal(binding.fileOffset(fd), 301, 'with start it is left alone')
})

t.test('who shares a descriptor gets what comes after a range, or what was cut off it', async (t) => {
  const fd = openSync(makeFile(t), 'r')
  const { source: first } = piped(t, fd)
  const { source: second, stream } = piped(t, fd)
  Object.assign(stream, { _destroy: (_error: unknown, closed: () => void) => closed() }) // the other closes it
  first.reserve(binding, 300)
  second.reserve(binding, 200)
  t.equal(binding.fileOffset(fd), 500)
  first.advance(binding, 10)
  t.equal(binding.fileOffset(fd), 500)
  second.advance(binding, 200)
  t.equal(binding.fileOffset(fd), 500)
  first.reserve(binding, 300)
  first.advance(binding, 100)
  t.equal(binding.fileOffset(fd), 600)
})

t.test('a stream that reads nothing at a time is at its end', async (t) => {
  const { source } = piped(t, openSync(makeFile(t), 'r'), { start: 0, highWaterMark: 0 })
  t.match(source.remainder(binding), { isRegularFile: true, bytesLeft: 0 })
})

t.test('who reads what is piped: pipe() itself, and not somebody in its place', async (t) => {
  const { stream, source } = piped(t, openSync(makeFile(t), 'r'), { start: 0 })
  t.equal(source.remainder(binding).shared, false)
  const [own] = stream.listeners('data') as ((chunk: unknown) => void)[]
  stream.removeAllListeners('data')
  stream.on('data', (chunk) => own?.(chunk))
  t.equal(source.remainder(binding).shared, true)
})

t.test('a source counts as read as soon as a range of it is on its way: readableDidRead', async (t) => {
  const { stream, source } = piped(t, openSync(makeFile(t), 'r'), { start: 0 })
  t.equal(stream.readableDidRead, false)
  source.beginRange()
  t.equal(stream.readableDidRead, true)
})

t.test('interrupted: paused, taken away, or read by others', async (t) => {
  const interruptions: Record<string, (stream: ReadStream, sink: Writable) => void> = {
    pause: (stream) => stream.pause(),
    unpipe: (stream, sink) => stream.unpipe(sink),
    'a second pipe': (stream) => stream.pipe(new Writable()),
    "a 'data' listener": (stream) => stream.on('data', () => {}),
    "a 'readable' listener": (stream) => stream.once('readable', () => {}),
  }
  for (const [name, interrupt] of Object.entries(interruptions)) {
    const { stream, sink, source } = piped(t, openSync(makeFile(t), 'r'))
    let interrupted = 0
    const forget = source.whenInterrupted(() => interrupted++)
    stream.on('error', () => {}).on('end', () => {})
    stream.resume()
    t.equal(interrupted, 0)
    interrupt(stream, sink)
    t.ok(interrupted > 0, name)
    forget()
    const before = interrupted
    stream.pause().resume()
    stream.on('data', () => {})
    t.equal(interrupted, before, `${name}: not after it was taken back`)
    t.strictSame(
      ['pause', 'newListener'].map((event) => stream.listenerCount(event)),
      [0, 0],
      `${name}: nothing is left on it`,
    )
  }
})

t.test(
  'a Node that keeps the next chunk to itself while it asks for more: asked again when that has flowed',
  async (t) => {
    const stream = streamOf(t, makeFile(t))
    const source = sourceOf(stream)
    const asked: unknown[] = []
    Object.assign(stream, { _read: (size: number) => asked.push(size, source.waitUntilHandedOn(size)) })
    Reflect.deleteProperty(stateOf(stream), 'fastChunk')
    t.equal(source.waitUntilHandedOn(5), false, 'of another Node')
    Object.assign(stateOf(stream), { fastChunk: null })
    t.equal(source.waitUntilHandedOn(5), true)
    t.strictSame(asked, [], 'not before the chunk has flowed')
    await new Promise((resolve) => process.nextTick(resolve))
    t.strictSame(asked, [5, false], 'and then without waiting again')
    t.equal(source.waitUntilHandedOn(5), true, 'but the next time')
    stream.destroy()
    await new Promise((resolve) => process.nextTick(resolve))
    t.equal(asked.length, 2, 'not of a stream that was destroyed meanwhile')
  },
)

t.test('who else may move the offset that it reads from', async (t) => {
  const path = makeFile(t)
  const handle = await open(path)
  const own: [stream: ReadStream, owns: boolean][] = [
    [createReadStream(path), true],
    [createReadStream(path, { start: 1 }), true],
    [streamOf(t, path, { start: 0 }), true],
    [streamOf(t, path), false],
    [handle.createReadStream(), false],
  ]
  for (const [stream, owns] of own) {
    t.equal(sourceOf(stream).ownsOffset, owns)
    stream.destroy()
    if (!stream.closed) await once(stream, 'close')
  }
})

t.test('a file that grows or shrinks: looked at each time', async (t) => {
  const path = makeFile(t)
  const { source } = piped(t, openSync(path, 'r'), { start: 0 })
  t.equal(source.remainder(binding).bytesLeft, 1000)
  appendFileSync(path, Buffer.alloc(500))
  t.equal(source.remainder(binding).bytesLeft, 1500)
  send(source, 999)
  truncateSync(path, 1200)
  t.match(source.remainder(binding), { offset: 999, bytesLeft: 201 })
  truncateSync(path, 900)
  t.match(source.remainder(binding), { isRegularFile: true, bytesLeft: -99 })
})

t.test('a file that grows: never past end', async (t) => {
  const path = makeFile(t)
  for (const options of [{ start: 0, end: 1099 }, { end: 1099 }] as StreamOptions[]) {
    truncateSync(path, 1000)
    const { source } = piped(t, openSync(path, 'r'), options)
    t.equal(source.remainder(binding).bytesLeft, 1000)
    appendFileSync(path, Buffer.alloc(500))
    send(source, 1000)
    t.match(source.remainder(binding), { offset: 1000, bytesLeft: 100 })
    send(source, 100)
    t.match(source.remainder(binding), { bytesLeft: 0 })
  }
})

t.test('what is not a regular file', async (t) => {
  const directory = t.testdir({})
  t.equal(piped(t, openSync(directory, 'r'), { start: 0 }).source.remainder(binding).isRegularFile, false)
  t.equal(piped(t, openSync(directory, 'r')).source.remainder(binding).isRegularFile, false)

  const fifo = join(directory, 'fifo')
  t.equal(spawnSync('mkfifo', [fifo]).status, 0)
  const flags = constants.O_RDWR | constants.O_NONBLOCK
  for (const options of [{}, { start: 0 }]) {
    const facts = piped(t, openSync(fifo, flags), options).source.remainder(binding)
    t.match(facts, { shared: false, isRegularFile: false }, JSON.stringify(options))
  }
  for (const device of ['/dev/null', '/dev/zero']) {
    t.equal(piped(t, openSync(device, 'r'), { start: 0 }).source.remainder(binding).isRegularFile, false, device)
  }
})

t.test('files that the kernel makes up as they are read', async (t) => {
  const facts = (path: string) => piped(t, openSync(path, 'r'), { start: 0 }).source.remainder(binding)
  // No size at all: there is nothing to plan, and core reads it.
  t.ok(facts('/proc/self/status').bytesLeft <= 0)
  // A size of a page, whatever is in it.
  const made = facts('/sys/devices/system/cpu/possible')
  t.equal(made.isRegularFile, false)
  const sparse = makeFile(t, '')
  truncateSync(sparse, 100_000)
  t.match(facts(sparse), { isRegularFile: true, bytesLeft: 100_000 }, 'no blocks, but a real file')
})

t.test('a made-up file stays one, whatever was asked before', async (t) => {
  const { source } = piped(t, openSync('/sys/devices/system/cpu/possible', 'r'), { start: 0 })
  for (let round = 0; round < 3; round++) t.equal(source.remainder(binding).isRegularFile, false)
})

t.test('shared: whoever else wants the bytes must see them pass', async (t) => {
  const path = makeFile(t)
  const shared = (change: (fixture: ReturnType<typeof piped>) => void) => {
    const fixture = piped(t, openSync(path, 'r'), { start: 0 })
    t.equal(fixture.source.remainder(binding).shared, false)
    change(fixture)
    return fixture.source.remainder(binding).shared
  }
  t.equal(
    shared(({ stream }) => stream.pipe(new Writable())),
    true,
    'a second pipe',
  )
  t.equal(
    shared(({ stream, sink }) => stream.unpipe(sink)),
    true,
    'no pipe',
  )
  t.equal(
    shared(({ stream }) => stream.on('data', () => {})),
    true,
    'a listener',
  )
  t.equal(
    shared(({ stream }) => stream.on('readable', () => {})),
    true,
    'another kind of listener',
  )
  t.equal(
    shared(({ stream }) => stream.setEncoding('utf8')),
    true,
    'an encoding',
  )
  t.equal(
    shared(({ stream }) => stream.pause()),
    true,
    'paused',
  )
})

t.test('bytes that were read already', async (t) => {
  const { stream, source } = piped(t, openSync(makeFile(t), 'r'))
  t.equal(source.flowsLater, false)
  stream.unshift(Buffer.from('x'))
  t.equal(source.flowsLater, true)
  t.equal(source.remainder(binding).shared, false, 'they flow first')
})

t.test('a source that pipe() has stopped until its destination drains', async (t) => {
  const stream = createReadStream('', { fd: openSync(makeFile(t), 'r') })
  t.teardown(() => stream.destroy())
  const full = new Writable({ highWaterMark: 1, write: () => {} })
  full.write('x')
  stream.pipe(full)
  const source = sourceOf(stream)
  t.equal(stream.readableFlowing, false)
  t.equal(source.flowsLater, true)
  t.equal(source.remainder(binding).shared, false)
  t.equal(source.remainder(binding).offset, 0)
  stream.resume()
  t.equal(source.flowsLater, false, 'let flow by somebody else, it is not waited for the drain')
})

t.test('one that has had several destinations, of which one is still waited for', async (t) => {
  const stream = streamOf(t, makeFile(t))
  const [full, other] = [1, 2].map(() => new Writable({ highWaterMark: 1, write: () => {} })) as [Writable, Writable]
  for (const sink of [full, other]) {
    sink.write('x')
    stream.pipe(sink)
  }
  stream.unpipe(other)
  const source = sourceOf(stream)
  t.match(stateOf(stream).awaitDrainWriters, { size: Number }, 'a set of them')
  stream.pause()
  t.equal(source.flowsLater, true)
  full.emit('drain')
  stream.pause()
  t.equal(source.flowsLater, false, 'nobody is')
})

t.test('facts of an untouched stream', async (t) => {
  const stream = streamOf(t, makeFile(t))
  t.strictSame(sourceOf(stream).facts(), {
    optedOut: false,
    unavailable: false,
    wrapped: false,
    customFs: false,
  })
})

t.test('opted out', async (t) => {
  const { stream, source } = piped(t, openSync(makeFile(t), 'r'))
  optOut(stream, true)
  t.equal(source.facts().optedOut, true)
  optOut(stream, false)
  t.equal(source.facts().optedOut, false)
})

t.test('unavailable: destroyed, or read to its end', async (t) => {
  const destroyed = streamOf(t, makeFile(t))
  destroyed.destroy()
  t.equal(sourceOf(destroyed).facts().unavailable, true)
  const ended = createReadStream(makeFile(t), { emitClose: false })
  const end = once(ended, 'end')
  ended.resume()
  await end
  t.equal(sourceOf(ended).facts().unavailable, true)
})

t.test('wrapped: methods of its own, unless they are ours', async (t) => {
  const path = makeFile(t)
  const wrapped = (change: (stream: ReadStream) => void) => {
    const stream = streamOf(t, path)
    change(stream)
    return sourceOf(stream).facts().wrapped
  }
  for (const name of ['_read', 'read', 'push', 'emit'] as const) {
    t.equal(
      wrapped((stream) => Object.assign(stream, { [name]: () => false })),
      true,
      name,
    )
  }
  t.equal(
    wrapped((stream) => Object.assign(stateOf(stream), { objectMode: true })),
    true,
    'object mode',
  )
  t.equal(
    wrapped((stream) => Object.assign(stream, { resume: () => stream })),
    false,
    'resume',
  )

  const stream = streamOf(t, path)
  const ours = () => {}
  ;(stream as unknown as InternalSource)._read = ours
  t.equal(new FileSource(stream, ours).facts().wrapped, false)
  t.equal(sourceOf(stream).facts().wrapped, true)
  class Derived extends fs.ReadStream {
    override push(chunk: Buffer | null): boolean {
      return super.push(chunk)
    }
  }
  const derived = Reflect.construct(Derived, ['', { fd: openSync(path, 'r') }]) as Derived
  t.teardown(() => derived.destroy())
  t.equal(sourceOf(derived).facts().wrapped, true, 'a subclass')
})

t.test('a file system of its own', async (t) => {
  const path = makeFile(t)
  const { open, read, close } = fs
  const custom = streamOf(t, path, { fs: { open, read, close } } as object)
  t.equal(sourceOf(custom).facts().customFs, true)
  const nodes = streamOf(t, path, { fs } as object)
  t.equal(sourceOf(nodes).facts().customFs, false, "Node's own, by name")
})

t.test('a stream of a FileHandle', async (t) => {
  const handle = await open(makeFile(t))
  const stream = handle.createReadStream({ start: 5 })
  const sink = new Writable({ write: (_chunk, _encoding, callback) => callback() })
  stream.pipe(sink)
  const source = sourceOf(stream as ReadStream)
  t.strictSame(source.facts(), { optedOut: false, unavailable: false, wrapped: false, customFs: false })
  t.equal(source.fd, handle.fd)
  t.match(source.remainder(binding), { isRegularFile: true, offset: 5, bytesLeft: 995 })
  await once(stream, 'close')
})

t.test('giveBack lets core read, unless somebody has put a _read of their own in place', async (t) => {
  const { stream, source } = piped(t, openSync(makeFile(t), 'r'))
  const core = Reflect.get(ReadStream.prototype, '_read')
  Object.assign(stream, { _read: ownRead })
  source.giveBack()
  t.equal(Reflect.get(stream, '_read'), core)
  const theirs = () => {}
  Object.assign(stream, { _read: theirs })
  source.giveBack()
  t.equal(Reflect.get(stream, '_read'), theirs)
})

t.test('bytesLeftAtMost: what start and end leave, from where it stands', async (t) => {
  const path = makeFile(t)
  const left = (stream: ReadStream) => bytesLeftAtMost(stream as unknown as InternalSource)
  const most = (options: StreamOptions = {}) => left(streamOf(t, path, options))
  t.equal(most(), Number.POSITIVE_INFINITY)
  t.equal(most({ start: 10 }), Number.POSITIVE_INFINITY)
  t.equal(most({ end: 9 }), 10)
  t.equal(most({ start: 5, end: 9 }), 5)
  for (const options of [{ end: 99 }, { start: 0, end: 99 }]) {
    const stream = streamOf(t, path, { ...options, highWaterMark: 40 })
    await once(stream, 'readable')
    t.equal(left(stream), 60, 'part of it has been read')
  }
})

t.test(
  'bytesLeftAtMost of a source: what the file, start and end allow; nothing is known of what is no file',
  async (t) => {
    const path = makeFile(t)
    const most = (path: string, options: StreamOptions = {}) =>
      sourceOf(streamOf(t, path, options)).bytesLeftAtMost(binding)
    t.equal(most(path), 1000)
    t.equal(most(path, { start: 400 }), 600)
    t.equal(most(path, { start: 0, end: 9 }), 10)
    t.equal(most(path, { start: 1000 }), 0, 'at the end')
    t.equal(most(path, { start: 1010 }), -10, 'behind it')
    t.equal(most(makeFile(t, '')), 0, 'empty')
    t.equal(most('/proc/self/status'), 0)
    t.ok(most('/sys/devices/system/cpu/possible') < 0)
    const closed = createReadStream(path)
    t.ok(sourceOf(closed).bytesLeftAtMost(binding) < 0, 'not open yet')
    closed.destroy()
  },
)

t.test('readOrdinarily is the read of core', async (t) => {
  const stream = createReadStream('', { fd: openSync(makeFile(t), 'r'), autoClose: false, start: 3 })
  t.teardown(() => stream.destroy())
  Object.assign(stream, { _read: () => t.fail('not the one on the instance') })
  const pushed = new Promise<Buffer>((resolve) => {
    stream.push = (chunk: Buffer) => {
      resolve(chunk)
      return true
    }
  })
  sourceOf(stream).readOrdinarily(10)
  t.equal((await pushed).toString(), content.toString('latin1', 3, 13))
})

t.test('end is the end of the stream, which then closes as core has it', async (t) => {
  const stream = createReadStream('', { fd: openSync(makeFile(t), 'r'), start: 0 })
  const source = sourceOf(stream)
  Object.assign(stream, { _read: () => source.end() })
  const seen: string[] = []
  for (const event of ['data', 'end', 'close']) stream.on(event, () => seen.push(event))
  await once(stream, 'close')
  t.strictSame(seen, ['end', 'close'])
  t.equal(stream.bytesRead, 0)
})

t.test('completeRead lets the stream ask for more, unless it is destroyed', async (t) => {
  let reads = 0
  const stream = createReadStream('', { fd: openSync(makeFile(t), 'r'), autoClose: false, start: 0 })
  t.teardown(() => stream.destroy())
  const source = sourceOf(stream)
  Object.assign(stream, { _read: () => reads++ })
  stream.pipe(new Writable())
  await turn()
  t.equal(reads, 1)
  source.completeRead()
  await turn()
  t.equal(reads, 2)
  stream.on('error', (error) => t.fail(String(error)))
  stream.destroy()
  source.completeRead()
  await turn()
  t.equal(reads, 2)
  t.equal(stream instanceof Readable, true)
})

t.test('fd: none before it is open and after it is closed', async (t) => {
  const stream = createReadStream(makeFile(t))
  const source = sourceOf(stream)
  t.equal(source.fd, -1)
  await once(stream, 'open')
  t.ok(source.fd >= 0)
  stream.destroy()
  await once(stream, 'close')
  t.equal(source.fd, -1)
})
