import { Writable } from 'node:stream'
import t from 'tap'
import type { ChunkBatch, InternalSocket, WriteCallback } from '../../../src/node-internals.js'
import { QueuedRanges } from '../../../src/socket/queued-ranges.js'

/** A Writable whose writes are looked at, and end when they are told to. */
function setUp() {
  const queued = new QueuedRanges()
  const seen: { chunks: unknown[]; missing: number }[] = []
  const ends: WriteCallback[] = []
  const look = (chunks: ChunkBatch, callback: WriteCallback) => {
    seen.push({ chunks: chunks.map(({ chunk }) => chunk), missing: queued.missingFrom(chunks) })
    ends.push(callback)
  }
  const socket = new Writable({
    decodeStrings: false,
    write: (chunk, encoding, callback) => look([{ chunk, encoding }], callback),
    writev: (chunks, callback) => look(chunks as ChunkBatch, callback),
  }) as unknown as InternalSocket & Writable
  socket.on('error', () => {})
  const next = () => new Promise(setImmediate).then(() => ends.shift()?.())
  return { queued, seen, socket, next }
}

const makeRange = (length: number) => Object.defineProperty(Buffer.alloc(0), 'length', { value: length })

t.test('a range that comes in its place', async (t) => {
  const { queued, seen, socket, next } = setUp()
  const [first, second] = [makeRange(100), makeRange(50)]
  socket.write('under way')
  socket.write('größe', 'utf8')
  t.equal(
    queued.queue(socket, first, () => {}),
    true,
  )
  socket.write(Buffer.alloc(0))
  socket.write('between')
  queued.queue(socket, second, () => {})
  socket.write('behind')
  await next()
  await next()
  t.strictSame(
    seen.map(({ missing }) => missing),
    [0, 0],
  )
  t.ok(seen[1]?.chunks[1] === first)
  t.ok(seen[1]?.chunks[4] === second)
})

t.test('a full queue says so, and one that is idle is left at once', async (t) => {
  const { queued, seen, socket } = setUp()
  const range = makeRange(10 * 1024 * 1024)
  t.equal(
    queued.queue(socket, range, () => {}),
    false,
  )
  t.equal(seen.length, 1)
  t.equal(socket.writableCorked, 0)
})

t.test('a copy in its place is missing bytes', async (t) => {
  for (const [what, change] of Object.entries({
    'of its length': (chunks: ChunkBatch) => chunks.map(({ chunk }) => Buffer.alloc(chunk.length)),
    'all in one': (chunks: ChunkBatch) => [Buffer.alloc(chunks.reduce((sum, { chunk }) => sum + chunk.length, 0))],
    'too early': (chunks: ChunkBatch) => chunks.slice(1).map(({ chunk }) => chunk),
  })) {
    const queued = new QueuedRanges()
    const range = makeRange(1000)
    const chunks: ChunkBatch = [
      { chunk: 'head', encoding: 'latin1' },
      { chunk: range, encoding: 'buffer' },
    ]
    const socket = {
      writableBuffer: chunks,
      cork() {},
      uncork() {},
      write: () => true,
    } as unknown as InternalSocket
    queued.queue(socket, range, () => {})
    const changed = change(chunks).map((chunk) => ({ chunk, encoding: 'buffer' as const }))
    t.equal(queued.missingFrom(changed as ChunkBatch), 1000, what)
  }
})

t.test('a range that does not come into the queue: the socket is destroyed before anything is sent', async (t) => {
  for (const listens of [true, false]) {
    const { queued, seen, socket } = setUp()
    if (!listens) socket.removeAllListeners('error')
    const { write } = socket
    socket.write = ((chunk: Buffer, callback: WriteCallback) =>
      Reflect.apply(write, socket, [Buffer.alloc(chunk.length), callback])) as typeof write
    const ends: unknown[] = []
    queued.queue(socket, makeRange(1000), (error) => ends.push(error))
    await new Promise(setImmediate)
    t.match(ends, [{ code: 'ERR_KTLS_RANGE_NOT_SENT', message: /^1000 bytes/ }])
    t.equal(ends.length, 1, 'told once')
    t.strictSame(seen, [])
    t.equal(socket.destroyed, true)
    t.equal(socket.errored === ends[0], listens, 'an error that nobody listens for would end the process')
  }
})

t.test('a range that never comes is forgotten when its write ends', async (t) => {
  const { queued, socket, next } = setUp()
  socket.write('under way')
  const ended = new Promise<unknown>((resolve) => queued.queue(socket, makeRange(1000), resolve))
  socket.destroy()
  await next()
  t.match(await ended, { code: 'ERR_STREAM_DESTROYED' })
  t.equal(queued.missingFrom([{ chunk: 'of another connection', encoding: 'utf8' }]), 0)
})

/** A socket whose queue is what it is said to be. */
function scripted() {
  const queue: ({ chunk: Buffer; encoding: 'buffer' } | null)[] = []
  const ends: WriteCallback[] = []
  const socket = {
    writableBuffer: queue,
    cork() {},
    uncork() {},
    destroy() {},
    listenerCount: () => 0,
    write(_chunk: Buffer, callback: WriteCallback) {
      ends.push(callback)
      return true
    },
  } as unknown as InternalSocket
  return { queued: new QueuedRanges(), queue, ends, socket }
}

const entry = (chunk: Buffer) => ({ chunk, encoding: 'buffer' as const })

t.test('a range comes after others, whichever batches they come in, and one that ends leaves the others', async (t) => {
  const { queued, queue, ends, socket } = scripted()
  const [first, second] = [makeRange(1000), makeRange(500)]
  queue.push(null, entry(Buffer.alloc(3)), entry(first)) // null: it is being given out just now
  queued.queue(socket, first, () => {})
  queue.push(entry(second))
  queued.queue(socket, second, () => {})
  t.equal(queued.missingFrom([entry(Buffer.alloc(2))]), 0)
  t.equal(queued.missingFrom([entry(Buffer.alloc(1))]), 0)
  t.equal(queued.missingFrom([entry(first)]), 0)
  ends[0]?.()
  t.equal(queued.missingFrom([entry(Buffer.alloc(500))]), 500)
  ends[1]?.()
  t.equal(queued.missingFrom([entry(Buffer.alloc(500))]), 0)
})

t.test('a queue that has nothing: the range was swallowed', async (t) => {
  const { queued, socket } = scripted()
  const failure = await new Promise<unknown>((resolve) => queued.queue(socket, makeRange(10), resolve))
  t.match(failure, { code: 'ERR_KTLS_RANGE_NOT_SENT' })
})

t.test('a socket that takes no more has its own error', async (t) => {
  for (const [code, stop] of [
    ['ERR_STREAM_DESTROYED', (socket: Writable) => socket.destroy()],
    ['ERR_STREAM_WRITE_AFTER_END', (socket: Writable) => socket.end()],
  ] as const) {
    const { queued, seen, socket } = setUp()
    stop(socket)
    const errors: unknown[] = []
    queued.queue(socket, makeRange(100), (error) => errors.push(error))
    await new Promise(setImmediate)
    t.match(errors, [{ code }])
    t.equal(errors.length, 1)
    t.strictSame(seen, [])
  }
})
