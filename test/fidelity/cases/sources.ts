// What can be piped: parts of files, descriptors, handles, file systems of others, files that change.

import { once } from 'node:events'
import fs, { createReadStream } from 'node:fs'
import { open as openFile, rename, unlink, writeFile } from 'node:fs/promises'
import type { Case, Cases, Expectation } from '../case.js'
import { cut, exchanged, held, offloaded, type SourceOptions, smallBytes } from '../exchange.js'
import { until } from '../waiting.js'

export const cases: Cases = {
  start: ranged({ start: 1234 }),
  end: ranged({ end: 200_000 }),
  'start and end': ranged({ start: 100_000, end: 234_567 }),
  'one byte': ranged({ start: 77, end: 77 }),
  'an end behind the end': ranged({ start: 10, end: 10 * smallBytes }),
  'a start behind the end': ranged({ start: 2 * smallBytes }, { declined: 'source-empty' }),
  'start 0': ranged({ start: 0 }),
  'a small highWaterMark': ranged({ highWaterMark: 1000 }),
  'a highWaterMark of the whole file': ranged({ highWaterMark: smallBytes }),
  'a highWaterMark of one byte': ranged({ highWaterMark: 1, end: 300 }),
  'a highWaterMark of nothing': ranged({ highWaterMark: 0 }, { declined: 'source-empty' }),
  'autoClose: false': offloaded(({ open, response, record }) => {
    const source = open({ autoClose: false })
    source.pipe(response)
    source.on('end', () => {
      record.note('destroyed at end', source.destroyed)
      response.on('close', () => source.close(record.callback('closed')))
    })
  }),
  'emitClose: false': offloaded(({ open, response }) => open({ emitClose: false }).pipe(response)),
  'an encoding': ranged({ encoding: 'utf8' }, { declined: 'source-shared' }),
  'an empty file': exchanged({ declined: 'source-empty' }, ({ open, response }) => open().pipe(response), { size: 0 }),
  'a file of one byte': offloaded(({ open, response }) => open().pipe(response), { size: 1 }),
  'a file as long as a range': offloaded(({ open, response }) => open().pipe(response), {
    size: 8 * 2 ** 20,
  }),
  'a descriptor': offloaded(({ path, open, response }) => {
    open({ fd: fs.openSync(path, 'r') }).pipe(response)
  }),
  'a descriptor that was read before': offloaded(({ path, open, response }) => {
    const fd = fs.openSync(path, 'r')
    fs.readSync(fd, Buffer.alloc(1000))
    open({ fd }).pipe(response)
  }),
  'a descriptor with start': offloaded(({ path, open, response }) => {
    const fd = fs.openSync(path, 'r')
    fs.readSync(fd, Buffer.alloc(1000))
    open({ fd, start: 5 }).pipe(response)
  }),
  'a descriptor with end': offloaded(({ path, open, response }) => {
    const fd = fs.openSync(path, 'r')
    fs.readSync(fd, Buffer.alloc(1000))
    open({ fd, end: 4999 }).pipe(response)
  }),
  'a descriptor that is used on': offloaded(
    async ({ path, open, response, record }) => {
      const fd = fs.openSync(path, 'r')
      const source = open({ fd, autoClose: false })
      source.pipe(response)
      await once(source, 'end')
      record.note('left in it', fs.readSync(fd, Buffer.alloc(10)))
      fs.closeSync(fd)
    },
    { cut: true },
  ),
  'a descriptor with end that is used on': offloaded(
    async ({ path, open, response, record }) => {
      const fd = fs.openSync(path, 'r')
      const source = open({ fd, end: 99_999, autoClose: false })
      source.pipe(response)
      await once(source, 'end')
      const next = Buffer.alloc(16)
      fs.readSync(fd, next)
      record.note('next in it', next.toString())
      fs.closeSync(fd)
    },
    { cut: true },
  ),
  'a FileHandle': offloaded(async ({ path, watch, response }) => {
    const handle = await openFile(path)
    watch(handle.createReadStream()).pipe(response)
  }),
  'a FileHandle that stays open': offloaded(
    async ({ path, watch, response, record }) => {
      const handle = await openFile(path)
      const source = watch(handle.createReadStream({ autoClose: false, start: 10 }))
      source.pipe(response)
      await once(source, 'end')
      record.note('still open', handle.fd >= 0)
      await handle.close()
    },
    { cut: true },
  ),
  'a FileHandle that is closed meanwhile': cut(async ({ path, watch, response, underWay, letRead }) => {
    const handle = await openFile(path)
    const source = watch(handle.createReadStream())
    source.pipe(response)
    await underWay()
    const closed = handle.close()
    letRead()
    await closed
    response.destroy()
    source.destroy()
  }),
  'a file system of its own': exchanged({ declined: 'source-custom-fs' }, ({ path, watch, response }) => {
    const own = { open: fs.open, read: fs.read, close: fs.close }
    watch(createReadStream(path, { fs: own } as never)).pipe(response)
  }),
  'a subclass of ReadStream': offloaded(({ path, watch, response }) => {
    class OwnReadStream extends (fs.ReadStream as unknown as new (path: string, options: object) => fs.ReadStream) {}
    watch(new OwnReadStream(path, {})).pipe(response)
  }),
  'a subclass with a _read of its own': exchanged({ declined: 'source-wrapped' }, ({ path, watch, response }) => {
    class OwnReadStream extends (fs.ReadStream as unknown as new (path: string, options: object) => fs.ReadStream) {
      override _read(size: number): void {
        super._read(size)
      }
    }
    watch(new OwnReadStream(path, {})).pipe(response)
  }),
  'a push of its own': exchanged({ declined: 'source-wrapped' }, ({ open, response }) => {
    const source = open()
    const { push } = source
    source.push = function (this: typeof source, ...chunk: Parameters<typeof push>) {
      return push.apply(this, chunk)
    }
    source.pipe(response)
  }),

  'a file that is deleted once it is open': offloaded(async ({ open, path, response }) => {
    const source = open()
    await once(source, 'open')
    await unlink(path)
    source.pipe(response)
  }),
  'a file that is deleted meanwhile': offloaded(
    async ({ path, pipeUntilUnderWay }) => {
      await pipeUntilUnderWay()
      await unlink(path)
    },
    { ...held, cut: true },
  ),
  'a file that is replaced meanwhile': offloaded(
    async ({ path, pipeUntilUnderWay }) => {
      await pipeUntilUnderWay()
      await writeFile(`${path}.new`, 'something else')
      await rename(`${path}.new`, path)
    },
    { ...held, cut: true },
  ),
  'a file that grows meanwhile': offloaded(
    async ({ path, pipeUntilUnderWay }) => {
      await pipeUntilUnderWay()
      fs.appendFileSync(path, 'and more')
    },
    { ...held, cut: true },
  ),
  'a file that grows meanwhile, with an end': offloaded(
    async ({ open, path, size, response, underWay }) => {
      open({ end: size - 1 }).pipe(response)
      await underWay()
      fs.appendFileSync(path, 'and more')
    },
    { ...held, cut: true },
  ),
  'a file that is not there': exchanged('nothing', ({ path, watch, response }) => {
    const source = watch(createReadStream(`${path}.missing`))
    source.pipe(response)
    source.on('error', () => response.writeHead(404).end('not there'))
  }),
  'a directory': exchanged('nothing', ({ path, watch, response }) => {
    const source = watch(createReadStream(`${path}/..`))
    source.pipe(response)
    source.on('error', () => response.writeHead(404).end('not there'))
  }),
  'a file of /proc': exchanged({ declined: 'source-empty' }, ({ watch, response }) => {
    watch(createReadStream('/proc/version')).pipe(response)
  }),
  'a descriptor that is not open': exchanged('nothing', ({ watch, response }) => {
    const source = watch(createReadStream('', { fd: 1_000_000 }))
    source.pipe(response)
    source.on('error', () => response.writeHead(500).end('no'))
  }),
  'a descriptor that is for writing': exchanged({ declined: 'source-unavailable' }, ({ open, response }) => {
    const source = open({ flags: 'a' })
    source.pipe(response)
    source.on('error', () => response.writeHead(500).end('no'))
  }),
  'two streams of one descriptor': exchanged('either', async ({ path, size, watch, response, record }) => {
    const fd = fs.openSync(path, 'r')
    const options = { fd, autoClose: false }
    const [first, second] = [watch(createReadStream('', options)), watch(createReadStream('', options))]
    let bytes = 0
    first.pipe(response, { end: false })
    first.on('end', () => second.pipe(response))
    response.on('close', () => {
      bytes = first.bytesRead + second.bytesRead
      record.note('all bytes once', bytes === size)
      fs.closeSync(fd)
    })
  }),
  'close() meanwhile': cut(async ({ response, letRead, record, pipeUntilUnderWay }) => {
    const source = await pipeUntilUnderWay()
    source.close(record.callback('closed'))
    letRead()
    await until(source, 'close')
    response.end()
  }),
}

function ranged(options: SourceOptions, expect: Expectation = 'offloaded'): Case {
  return exchanged(expect, ({ open, response }) => open(options).pipe(response))
}
