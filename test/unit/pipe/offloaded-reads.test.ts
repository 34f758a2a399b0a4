import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createReadStream, openSync, type ReadStream, writeFileSync } from 'node:fs'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { InternalSource } from '../../../src/node-internals.js'
import { getStats } from '../../../src/observe/stats.js'
import { optOut } from '../../../src/opt-out.js'
import { offloadReads } from '../../../src/pipe/offloaded-reads.js'
import { sharedSlot } from '../../../src/shared-state.js'
import { matchEach } from '../../support/match-each.js'
import { limitRanges } from '../../support/slots.js'
import { connectPair, until } from '../fixtures/connection.js'
import { FakeBinding, FakeFile, FakeQueue } from '../fixtures/fake-binding.js'
import { forgetSlot, useBinding } from '../fixtures/slots.js'

const size = 200_000

function setUp(t: Test) {
  const binding = new FakeBinding()
  useBinding(binding)
  const path = join(t.testdir({}), 'file')
  writeFileSync(path, Buffer.alloc(size, 'x'))
  const open = (end = Number.POSITIVE_INFINITY) => {
    const stream = createReadStream('', { fd: openSync(path, 'r'), start: 0, end })
    t.teardown(() => stream.destroy())
    return stream
  }
  return { binding, open }
}

const hasOwnRead = (stream: ReadStream) => Object.hasOwn(stream, '_read')

t.test('a source that may be offloaded gets a _read of its own, and nothing else is done to it', async (t) => {
  const { binding, open } = setUp(t)
  const { near } = await connectPair(t)
  const source = open()
  const names = Object.getOwnPropertyNames(source)
  offloadReads(source, near)
  t.strictSame(
    Object.getOwnPropertyNames(source).filter((name) => !names.includes(name)),
    ['_read'],
  )
  t.strictSame(source.listenerCount('data'), 0)
  t.strictSame(binding.calls, [], 'nothing is opened before it is read')
  const read = Reflect.get(source, '_read')
  offloadReads(source, near)
  t.equal(Reflect.get(source, '_read'), read, 'once')
})

t.test('a source that may not stays as it is; the reason is counted and told', async (t) => {
  const { open } = setUp(t)
  const { near } = await connectPair(t)
  const cases: [reason: string, destination: object, prepare?: (source: ReadStream) => void][] = [
    ['destination-unsupported', new Writable()],
    ['destination-unavailable', new Socket().destroy()],
    ['opted-out', near, (source) => optOut(source, true)],
    ['source-unavailable', near, (source) => source.destroy()],
    ['source-wrapped', near, (source) => Object.assign(source, { push: () => true })],
  ]
  for (const [reason, destination, prepare] of cases) {
    const count = () => Reflect.get(getStats().fallbacks, reason) ?? 0
    const before = count()
    const source = open()
    prepare?.(source)
    const told: unknown[] = []
    offloadReads(source, destination, destination, { fellBack: (given) => told.push(given) })
    t.equal(hasOwnRead(source), false, reason)
    t.strictSame(told, [reason])
    t.equal(count(), before + 1)
  }
})

t.test('known to be too small: whatever else speaks against it, it stays as it is', async (t) => {
  const { open } = setUp(t)
  const { near } = await connectPair(t)
  const announcing = (bytes: number, socket?: Socket) => {
    const response = new ServerResponse(new IncomingMessage(near)).setHeader('Content-Length', bytes)
    if (socket !== undefined) response.assignSocket(socket)
    return response
  }
  const isTooSmall = (destination: object, end?: number, source = open(end)) => {
    const told: unknown[] = []
    offloadReads(source, destination, destination, { fellBack: (reason) => told.push(reason) })
    t.equal(hasOwnRead(source), told.length === 0)
    if (destination instanceof ServerResponse && destination.socket) destination.detachSocket(destination.socket)
    return told[0] === 'below-minimum-size'
  }
  t.equal(isTooSmall(near, 99), true, 'by its own end')
  t.equal(isTooSmall(announcing(100, near)), true, 'by the Content-Length')
  t.equal(isTooSmall(announcing(size, near), 99), true, 'by the smaller of them')
  t.equal(isTooSmall(announcing(100)), true, 'for whichever engine')
  t.equal(isTooSmall(announcing(80_000)), false, 'large enough for one of them')
  t.equal(isTooSmall(announcing(80_000, near)), true, 'which is not that of the socket')
  t.equal(isTooSmall(announcing(size, near)), false)
  t.equal(isTooSmall(near, 99, Object.assign(open(99), { push: () => true })), true, 'wrapped, too')
})

t.test('prepared for two destinations: each gets its ranges while it is the only one', async (t) => {
  const { binding, open } = setUp(t)
  t.teardown(limitRanges(size / 4))
  const [first, second] = await Promise.all([connectPair(t), connectPair(t)])
  const queues = Array.from({ length: 4 }, () => Object.assign(new FakeQueue(binding), { completesRanges: true }))
  binding.files.push(...queues.map(() => new FakeFile()))
  binding.tcpQueues.push(...queues)
  const source = open()
  offloadReads(source, first.near)
  source.pipe(first.near, { end: false })
  // As by a pipe() that comes to nothing.
  offloadReads(source, second.near)
  await until(() => source.bytesRead > 0)
  source.unpipe(first.near)
  source.pipe(second.near, { end: false })
  await until(() => source.closed)
  const [firstFd, secondFd] = [first, second].map(({ near }) => Reflect.get(Reflect.get(near, '_handle'), 'fd'))
  const fds = binding.calls.filter(([method]) => method === 'openTcpQueue').map(([, fd]) => fd)
  t.equal(fds.length, 4, 'nothing was read')
  t.equal(fds[0], firstFd)
  t.equal(fds.at(-1), secondFd)
})

t.test('without the addon: why there is none', async (t) => {
  const { open } = setUp(t)
  const { near } = await connectPair(t)
  forgetSlot('binding')
  sharedSlot('binding', () => ({ binding: undefined, reason: 'addons-disabled', cause: undefined }))
  const told: unknown[] = []
  const source = open()
  offloadReads(source, near, near, { fellBack: (reason) => told.push(reason) })
  t.strictSame(told, ['addons-disabled'])
  t.equal(hasOwnRead(source), false)
})

t.test('ranges go to whom the source is piped into; alone', async (t) => {
  const { binding, open } = setUp(t)
  const { near } = await connectPair(t)
  const file = new FakeFile()
  const queue = new FakeQueue(binding)
  queue.completesRanges = true
  binding.files.push(file)
  binding.tcpQueues.push(queue)
  const source = open()
  offloadReads(source, near)
  source.pipe(near)
  await until(() => source.closed)
  matchEach(t, queue.calls, [
    ['sendRange', file, 0, size, 0],
    ['close', false],
  ])
  t.equal(source.bytesRead, size)
  t.equal(near.writableEnded, true, 'and pipe() has ended it')
})

t.test('piped into another as well: the bytes are read, for both, and the reason is counted', async (t) => {
  const { open } = setUp(t)
  const { near, received } = await connectPair(t)
  const count = () => getStats().fallbacks['source-shared'] ?? 0
  const before = count()
  const source = open()
  offloadReads(source, near)
  source.pipe(near)
  let other = 0
  source.pipe(
    new Writable({
      write(chunk, _encoding, callback) {
        other += chunk.length
        callback()
      },
    }),
  )
  await until(() => other === size && received().length === size)
  t.equal(source.bytesRead, size)
  t.equal(count(), before + 1)
})

t.test('unpiped and piped into what was not prepared: the bytes are read', async (t) => {
  const { binding, open } = setUp(t)
  const { near } = await connectPair(t)
  const source = open()
  offloadReads(source, near)
  source.pipe(near)
  source.unpipe(near)
  let other = 0
  const sink = new Writable({
    write(chunk, _encoding, callback) {
      other += chunk.length
      callback()
    },
  })
  source.pipe(sink)
  await until(() => other === size)
  await turn()
  t.equal(binding.count('openFile'), 0)
})

/** A file of which the first half is sent to `near`; `stop` is called as that begins. With what is heard of it. */
async function betweenRanges(t: Test, stop: (source: ReadStream) => void) {
  const { binding, open } = setUp(t)
  const { near } = await connectPair(t)
  t.teardown(limitRanges(size / 2))
  const heard: string[] = []
  const source = open()
  for (const name of ['start', 'asyncEnd', 'error']) {
    const listener = () => {
      heard.push(name)
      if (name === 'start') stop(source)
    }
    subscribe(`tracing:ktls-pipe:transfer:${name}`, listener)
    t.teardown(() => unsubscribe(`tracing:ktls-pipe:transfer:${name}`, listener))
  }
  const queue = new FakeQueue(binding)
  queue.completesRanges = true
  binding.files.push(new FakeFile())
  binding.tcpQueues.push(queue)
  offloadReads(source, near)
  source.pipe(near)
  await until(() => source.bytesRead >= size / 2)
  return { source, heard }
}

t.test('destroyed between two ranges: the transfer that was begun is reported as over', async (t) => {
  const { source, heard } = await betweenRanges(t, (begun) => begun.pause())
  t.strictSame(heard, ['start'])
  source.destroy()
  await until(() => source.closed)
  t.strictSame(heard, ['start', 'asyncEnd'])
})

t.test('unpiped between two ranges and read on by another: likewise', async (t) => {
  const { source, heard } = await betweenRanges(t, (begun) => begun.unpipe())
  source.pipe(new Writable({ write: (_chunk, _encoding, callback) => callback() }))
  await until(() => source.bytesRead === size)
  t.strictSame(heard, ['start', 'asyncEnd'])
})

t.test('a _destroy of somebody else is called, whether it was there before ours or comes after it', async (t) => {
  const { binding, open } = setUp(t)
  const { near } = await connectPair(t)
  const queue = new FakeQueue(binding)
  binding.files.push(new FakeFile())
  binding.tcpQueues.push(queue)
  const source = open() as unknown as InternalSource & ReadStream
  const called: string[] = []
  const wrap = (name: string) => {
    const { _destroy: inner } = source
    source._destroy = (error, callback) => {
      called.push(name)
      inner.call(source, error, callback)
    }
  }
  offloadReads(source, near)
  wrap('after pipe')
  source.pipe(near, { end: false })
  await until(() => queue.items.length > 0)
  wrap('in the middle')
  binding.deliver([queue.items[0], 0, size])
  await until(() => source.closed)
  t.strictSame(called, ['in the middle', 'after pipe'])
})
