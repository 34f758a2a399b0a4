import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { KtlsError } from '../../../src/errors.js'
import type { FileRange } from '../../../src/socket/file-range.js'
import { sendOrdinarily } from '../../../src/socket/ordinary-range.js'
import { FakeFile } from '../fixtures/fake-binding.js'

const chunkBytes = 64 * 1024
const content = Buffer.from(
  Array.from({ length: 3 * chunkBytes + 777 }, (_, index) => (index * 7 + (index >> 8)) % 251),
)

function openRange(t: Test, offset: number, remaining: number): FileRange {
  const path = join(t.testdir({}), 'file')
  writeFileSync(path, content)
  const fd = openSync(path, 'r')
  t.teardown(() => closeSync(fd))
  const observer = { rangeOffloaded() {}, rangeFellBack() {} }
  return { file: new FakeFile(fd), offset, remaining, observer, bytesSent: 0, bytesOffloaded: 0 }
}

/** Sends it into memory; each write takes a moment. */
function send(
  range: FileRange,
  limit: number,
  fail?: (written: number) => Error | undefined,
  isGone: () => boolean = () => false,
) {
  const written: Buffer[] = []
  let underWay = 0
  return new Promise<{ error: Error | null | undefined; written: Buffer[] }>((resolve) => {
    sendOrdinarily(
      range,
      limit,
      {
        isGone,
        write(bytes, callback) {
          if (++underWay > 1) resolve({ error: new Error('two writes at once'), written })
          const before = Buffer.from(bytes)
          setImmediate(() => {
            underWay--
            if (!before.equals(bytes)) {
              return resolve({ error: new Error('the buffer was used again too soon'), written })
            }
            const error = fail?.(written.length)
            if (error === undefined) written.push(before)
            callback(error)
          })
        },
      },
      (error) => resolve({ error, written }),
    )
  })
}

t.test('a range is read and written piece by piece, in order', async (t) => {
  const range = openRange(t, 1000, content.length - 1500)
  const { error, written } = await send(range, range.remaining)
  t.equal(error, undefined)
  t.ok(Buffer.concat(written).equals(content.subarray(1000, content.length - 500)))
  t.strictSame(
    written.map(({ length }) => length),
    [chunkBytes, chunkBytes, chunkBytes + 777 - 1500],
  )
  t.match(range, { offset: content.length - 500, remaining: 0, bytesSent: content.length - 1500, bytesOffloaded: 0 })
})

t.test('not more than the limit; the rest stays for later', async (t) => {
  const range = openRange(t, 10, 5000)
  const { error, written } = await send(range, 1024)
  t.equal(error, undefined)
  t.ok(Buffer.concat(written).equals(content.subarray(10, 1034)))
  t.match(range, { offset: 1034, remaining: 5000 - 1024, bytesSent: 1024 })
})

t.test('not more than the range, whatever the limit', async (t) => {
  const range = openRange(t, 0, 100)
  const { written } = await send(range, 1024)
  t.ok(Buffer.concat(written).equals(content.subarray(0, 100)))
  t.equal(range.remaining, 0)
})

t.test('stopped: the piece that is being written is the last, and what was read is not missed', async (t) => {
  const range = openRange(t, 10, content.length - 10)
  const { error, written } = await send(range, range.remaining, () => {
    range.stopped = true
    return undefined
  })
  t.equal(error, undefined)
  t.ok(Buffer.concat(written).equals(content.subarray(10, 10 + chunkBytes)))
  t.match(range, { offset: 10 + chunkBytes, bytesSent: chunkBytes, bytesOffloaded: 0 })

  for (const offset of [0, content.length]) {
    const reading = openRange(t, offset, 5000) // once there is something to be read, once it is too short
    const sending = send(reading, 5000)
    reading.stopped = true
    t.match(await sending, { error: undefined, written: [] })
    t.match(reading, { offset, bytesSent: 0 })
  }
})

t.test('nothing to send is done at once', async (t) => {
  const range = openRange(t, 0, 0)
  const { error, written } = await send(range, 0)
  t.equal(error, undefined)
  t.strictSame(written, [])
})

t.test('a file that ended early: what is missing is said, what was sent is counted', async (t) => {
  const range = openRange(t, content.length - 100, 250)
  const { error, written } = await send(range, 250)
  t.ok(error instanceof KtlsError)
  t.match(error, { code: 'ERR_KTLS_SOURCE_TRUNCATED', message: /\b150 bytes\b/ })
  t.ok(Buffer.concat(written).equals(content.subarray(-100)))
  t.match(range, { remaining: 150, bytesSent: 100 })
})

t.test('a write that fails ends it, and its bytes do not count', async (t) => {
  const range = openRange(t, 0, 2 * chunkBytes)
  const failure = new Error('write failed')
  const { error, written } = await send(range, range.remaining, (count) => (count === 1 ? failure : undefined))
  t.equal(error, failure)
  t.equal(written.length, 1)
  t.match(range, { offset: chunkBytes, remaining: chunkBytes, bytesSent: chunkBytes })
})

t.test('a read that fails ends it', async (t) => {
  const range = openRange(t, 0, 100)
  const path = t.testdir({})
  const directory = openSync(path, 'r')
  t.teardown(() => closeSync(directory))
  const { error, written } = await send({ ...range, file: new FakeFile(directory) }, 100)
  t.match(error, { code: 'EISDIR', syscall: 'read' })
  t.strictSame(written, [])
})

t.test('a destination that is gone gets nothing more, and what is read for it is no error', async (t) => {
  const range = openRange(t, 0, content.length)
  let asked = 0
  const { error, written } = await send(
    range,
    content.length,
    () => undefined,
    () => ++asked > 1,
  )
  t.equal(error, undefined)
  t.equal(written.length, 1)
  t.match(range, { offset: chunkBytes, bytesSent: chunkBytes })

  const shortened = openRange(t, content.length, 100)
  const gone = await send(shortened, 100, undefined, () => true)
  t.equal(gone.error, undefined, 'that the file has become shorter means nothing any more')
})
