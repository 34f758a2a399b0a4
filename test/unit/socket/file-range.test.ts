import { Writable } from 'node:stream'
import t from 'tap'
import { createRangeChunk, type FileRange, rangeOf } from '../../../src/socket/file-range.js'
import { FakeFile } from '../fixtures/fake-binding.js'

const range = (remaining: number): FileRange => ({
  file: new FakeFile(),
  offset: 0,
  remaining,
  observer: { rangeOffloaded() {}, rangeFellBack() {} },
  bytesSent: 0,
  bytesOffloaded: 0,
})

t.test('a chunk counts as the bytes that it stands for, and holds none', async (t) => {
  for (const remaining of [0, 1, 65536, 8 * 1024 * 1024, 3 * 2 ** 32]) {
    const chunk = createRangeChunk(range(remaining))
    t.ok(Buffer.isBuffer(chunk))
    t.equal(chunk.length, remaining)
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
