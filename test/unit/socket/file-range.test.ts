import { Writable } from 'node:stream'
import t from 'tap'
import {
  bytesOf,
  createRangeChunk,
  type FileRange,
  isOver,
  rangeOf,
  stopRange,
} from '../../../src/socket/file-range.js'
import { FakeFile } from '../fixtures/fake-binding.js'

const range = (remaining: number): FileRange => ({
  file: new FakeFile(),
  offset: 0,
  remaining,
  observer: { rangeOffloaded() {}, rangeFellBack() {} },
  bytesSent: 0,
  bytesOffloaded: 0,
})

t.test('a chunk counts as one that a stream would read, holds nothing, and stands for all of its range', async (t) => {
  for (const [remaining, counted] of [
    [0, 0],
    [1, 1],
    [65535, 65535],
    [65536, 65536],
    [65537, 65536],
    [3 * 2 ** 32, 65536],
  ] as const) {
    const chunk = createRangeChunk(range(remaining))
    t.ok(Buffer.isBuffer(chunk))
    t.equal(chunk.length, counted)
    t.equal(bytesOf(chunk), remaining)
    t.equal(chunk.byteLength, 0)
    t.equal(chunk.toString(), '')
    t.equal(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).length, 0)
  }
})

t.test("a Writable's queue counts it", async (t) => {
  const seen: unknown[] = []
  const writable = new Writable({
    highWaterMark: 1000,
    write(chunk, _encoding, callback) {
      seen.push(chunk)
      setImmediate(callback)
    },
  })
  const chunk = createRangeChunk(range(1000))
  t.equal(writable.write('x'), true)
  t.equal(writable.write(chunk), false, 'as full as with as many bytes')
  t.equal(writable.writableLength, 1001)
  await new Promise((resolve) => writable.once('drain', resolve))
  t.equal(seen[1], chunk, 'the very same object comes out')
  t.equal(writable.writableLength, 0)
})

t.test('a range is known by its chunk, and only by it', async (t) => {
  const first = range(1)
  const second = range(1)
  const chunks = [createRangeChunk(first), createRangeChunk(second)]
  t.equal(rangeOf(chunks[0]), first)
  t.equal(rangeOf(chunks[1]), second)
  for (const other of [Buffer.alloc(0), Buffer.alloc(1), 'text', '', undefined, null, 5, {}]) {
    t.equal(rangeOf(other), undefined)
  }
})

t.test("a chunk fills a queue of whatever highWaterMark, so that 'drain' comes after it", async (t) => {
  for (const [highWaterMark, remaining, counted] of [
    [16384, 2 ** 30, 65536],
    [262_144, 2 ** 30, 262_144],
    [262_144, 100_000, 100_000],
  ] as const) {
    t.equal(createRangeChunk(range(remaining), highWaterMark).length, counted)
  }
})

t.test('of what is no range, the bytes are its own', async (t) => {
  t.equal(bytesOf(Buffer.from('four')), 4)
})

t.test('a range that is stopped is over, as is one that was sent; who carries it is told', async (t) => {
  const stopped = range(5)
  t.equal(isOver(stopped), false)
  stopRange(stopped)
  t.equal(isOver(stopped), true, 'though nobody carries it')
  t.equal(isOver(range(0)), true)
  const told: unknown[] = []
  const carried: FileRange = { ...range(5), onStop: () => told.push(isOver(carried)) }
  stopRange(carried)
  t.strictSame(told, [true])
})
