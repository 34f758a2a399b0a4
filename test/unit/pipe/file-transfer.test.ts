import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createReadStream, type ReadStream, writeFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { constants } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { sourceTruncated } from '../../../src/errors.js'
import type { FallbackReason } from '../../../src/fallback-reason.js'
import type { WriteCallback } from '../../../src/node-internals.js'
import { rememberedState } from '../../../src/observe/remembered.js'
import { getStats } from '../../../src/observe/stats.js'
import type { Destination } from '../../../src/pipe/destination.js'
import { FileSource } from '../../../src/pipe/file-source.js'
import { FileTransfer } from '../../../src/pipe/file-transfer.js'
import type { DestinationFacts } from '../../../src/pipe/transfer-plan.js'
import { createZeroCopyPipe } from '../../../src/pipe/zero-copy-pipe.js'
import { type FileRange, rangeOf } from '../../../src/socket/file-range.js'
import type { RangeWriter } from '../../../src/socket/queued-ranges.js'
import { SocketWriter } from '../../../src/socket/socket-writer.js'
import { limitRanges, rangesEndSeldom } from '../../support/slots.js'
import { FakeBinding, FakeFile } from '../fixtures/fake-binding.js'
import { useBinding } from '../fixtures/slots.js'

const { EBADF, EMFILE } = constants.errno
const size = 200_000
const maximumRangeBytes = 8 * 2 ** 20

limitRanges(maximumRangeBytes)

/** A destination that is played: it takes ranges, and says what becomes of them when the test says so. */
class FakeDestination implements Destination {
  readonly object = new Writable()
  readonly socket: Socket | null = new Socket()
  readonly bytesAtMost = Number.POSITIVE_INFINITY
  framesRanges = false
  readonly ranges: { range: FileRange; end: WriteCallback }[] = []
  obstacle: FallbackReason | undefined
  resume: (() => void) | undefined
  waits = false
  readonly settled: DestinationFacts = {
    optedOut: false,
    engine: 'tcp',
    obstacle: undefined,
    momentaryObstacle: undefined,
  }

  constructor(facts: Partial<DestinationFacts> = {}) {
    Object.assign(this.settled, facts)
  }

  facts(): DestinationFacts {
    return this.settled
  }

  waitUntilConnected(resume: () => void): boolean {
    this.resume = resume
    return this.waits
  }

  write(rangeChunk: Buffer, _writer: RangeWriter, callback: WriteCallback): FallbackReason | undefined {
    if (this.obstacle !== undefined) return this.obstacle
    const range = rangeOf(rangeChunk)
    if (range === undefined) throw new Error('no range')
    this.ranges.push({ range, end: callback })
    return undefined
  }

  get last() {
    const last = this.ranges.at(-1)
    if (last === undefined) throw new Error('no range was written')
    return last
  }

  /** The range written last has had its turn, and was sent wholly unless it is said how much of it. */
  send(bytes = this.last.range.remaining, offloaded = bytes): void {
    const { range } = this.last
    range.reached = true
    if (offloaded > 0) range.observer.rangeOffloaded('tcp')
    range.bytesSent += bytes
    range.bytesOffloaded += offloaded
    range.offset += bytes
    range.remaining -= bytes
  }
}

async function setUp(t: Test, options: { bytes?: number; facts?: Partial<DestinationFacts> } = {}) {
  const binding = new FakeBinding()
  useBinding(binding)
  const path = join(t.testdir({}), 'file')
  writeFileSync(path, Buffer.alloc(options.bytes ?? size, 'x'))
  const stream = createReadStream(path, { start: 0 })
  await once(stream, 'open')
  t.teardown(() => stream.destroy())
  const reads: (number | 'push' | 'end' | 'given back')[] = []
  // The transfer is asked by hand, and what it asks of the stream is written down.
  const ownRead = () => {}
  Object.assign(stream, { _read: ownRead })
  const sink = new Writable()
  stream.pipe(sink)
  const source = new FileSource(stream, ownRead)
  source.readOrdinarily = (wanted) => reads.push(wanted)
  source.completeRead = () => reads.push('push')
  source.end = () => reads.push('end')
  source.giveBack = () => reads.push('given back')
  source.readAgain = (wanted) => !stream.destroyed && transfer.read(wanted)
  const destination = new FakeDestination(options.facts)
  const told: unknown[][] = []
  const transfer = new FileTransfer(source, sink, destination, binding, {
    offloaded: (engine) => told.push(['offloaded', engine]),
    fellBack: (reason) => told.push(['fellBack', reason]),
    bytesOffloaded: (bytes) => told.push(['bytesOffloaded', bytes]),
  })
  const files = Array.from({ length: 8 }, () => new FakeFile())
  binding.files.push(...files)
  const read = () => transfer.read(65_536)
  return { binding, stream, sink, source, destination, transfer, told, reads, files, read }
}

function listen(t: Test) {
  const events: [string, Record<string, unknown>][] = []
  for (const name of ['start', 'asyncEnd', 'error']) {
    const channel = `tracing:ktls-pipe:transfer:${name}`
    const listener = (message: unknown) => events.push([name, message as Record<string, unknown>])
    subscribe(channel, listener)
    t.teardown(() => unsubscribe(channel, listener))
  }
  return events
}

t.test('one range: sent, counted, told, and the stream asked to go on', async (t) => {
  const before = getStats()
  const events = listen(t)
  const { binding, stream, destination, told, reads, files, read } = await setUp(t)
  read()
  t.strictSame(reads, [])
  const { range, end } = destination.last
  t.match(range, { file: files[0], offset: 0, remaining: size, bytesSent: 0, bytesOffloaded: 0 })
  t.strictSame(
    binding.calls.find(([name]) => name === 'openFile'),
    ['openFile', Reflect.get(stream, 'fd')],
  )
  t.ok(SocketWriter.existing(destination.socket as Socket), 'its methods are there before the range')

  destination.send()
  t.strictSame(getStats().transfers, { ...before.transfers, tcp: before.transfers.tcp + 1, active: 1 })
  end()
  t.strictSame(reads, ['push'])
  t.equal(stream.bytesRead, size)
  t.equal(files[0]?.closed, 1)
  t.strictSame(told, [
    ['offloaded', 'tcp'],
    ['bytesOffloaded', size],
  ])
  t.strictSame(getStats().transfers, { ...before.transfers, tcp: before.transfers.tcp + 1 })
  t.equal(getStats().bytes.tcp, before.bytes.tcp + size)
  const event = { engine: 'tcp', source: stream, destination: destination.object }
  await turn()
  t.strictSame(events, [['start', { ...event, bytesSent: 0 }]])
  read()
  t.strictSame(reads, ['push', 'end'])
  await turn()
  t.strictSame(events.slice(1), [['asyncEnd', { ...event, bytesSent: size }]])
  for (const object of [destination.object, destination.socket as Socket]) {
    t.match(rememberedState(object), { bytesOffloaded: size, encryption: 'none', fallbackReason: undefined })
  }
})

t.test('range after range, each asked for anew; one transfer', async (t) => {
  const before = getStats()
  const events = listen(t)
  const bytes = 2 * maximumRangeBytes + 5
  const { destination, told, reads, files, read } = await setUp(t, { bytes })
  for (const [index, length] of [maximumRangeBytes, maximumRangeBytes, 5].entries()) {
    read()
    t.match(destination.last.range, { file: files[index], offset: index * maximumRangeBytes, remaining: length })
    destination.send()
    destination.last.end()
    t.equal(files[index]?.closed, 1)
  }
  t.equal(getStats().transfers.tcp, before.transfers.tcp + 1)
  t.equal(getStats().bytes.tcp, before.bytes.tcp + bytes)
  t.strictSame(told.filter(([name]) => name === 'offloaded').length, 1)
  t.strictSame(reads, ['push', 'push', 'push'])
  read()
  t.strictSame(reads.at(-1), 'end', 'that there is no more is known without reading')
  await turn()
  t.strictSame(
    events.map(([name, { bytesSent }]) => [name, bytesSent]),
    [
      ['start', 0],
      ['asyncEnd', bytes],
    ],
  )
  t.strictSame(
    told.filter(([name]) => name === 'fellBack'),
    [],
  )
  t.equal(getStats().transfers.active, 0)
})

t.test('ranges grow while they take little time, and shrink again when they do not', async (t) => {
  t.teardown(limitRanges(1000, 4000))
  let nowMs = 1e6
  rangesEndSeldom(nowMs)
  t.intercept(performance, 'now', { value: () => nowMs })
  for (const [framesRanges, times] of [
    [true, [49, 49, 49, 49, 75, 101, 101, 101]],
    [false, [1999, 1999, 1999, 1999, 3000, 4001, 4001, 4001]],
  ] as const) {
    const { destination, read } = await setUp(t, { bytes: 100_000 })
    destination.framesRanges = framesRanges
    const lengths: number[] = []
    for (const tookMs of times) {
      read()
      lengths.push(destination.last.range.remaining)
      nowMs += tookMs
      destination.send()
      destination.last.end()
    }
    t.strictSame(lengths, [1000, 2000, 4000, 4000, 4000, 4000, 2000, 1000])
  }
})

t.test('interrupted: a range is stopped, unless its length was announced; the rest follows', async (t) => {
  for (const framesRanges of [false, true]) {
    const events = listen(t)
    const { stream, destination, files, reads, read } = await setUp(t)
    const listeners = stream.eventNames()
    destination.framesRanges = framesRanges
    read()
    const { range, end } = destination.last
    destination.send(framesRanges ? size : 5000)
    t.equal(range.stopped, undefined)
    stream.pause()
    t.equal(range.stopped, framesRanges ? undefined : true)
    end()
    t.equal(stream.bytesRead, framesRanges ? size : 5000)
    t.strictSame(stream.eventNames(), listeners, 'nothing is left on it')
    t.equal(files[0]?.closed, 1)
    t.strictSame(reads, ['push'])
    t.equal(destination.socket?.destroyed, false, 'nothing is missing')
    stream.resume()
    read()
    if (!framesRanges) {
      t.match(destination.last.range, { offset: 5000, remaining: size - 5000 })
      destination.send()
      destination.last.end()
      read()
    }
    t.equal(reads.at(-1), 'end')
    await turn()
    t.strictSame(
      events.map(([name, { bytesSent }]) => [name, bytesSent]),
      [
        ['start', 0],
        ['asyncEnd', size],
      ],
    )
    t.equal(getStats().transfers.active, 0)
  }
})

t.test('interrupted by who makes the head: the range is stopped before it begins', async (t) => {
  const interruptions: Record<string, (stream: ReadStream, sink: Writable) => unknown> = {
    pause: (stream) => stream.pause(),
    unpipe: (stream, sink) => stream.unpipe(sink),
    destroy: (stream) => stream.destroy(),
    'a listener': (stream) => stream.on('data', () => {}),
  }
  for (const [name, interrupt] of Object.entries(interruptions)) {
    const { stream, sink, destination, read } = await setUp(t)
    const { write } = destination
    destination.write = (...parameters) => {
      interrupt(stream, sink)
      return write.apply(destination, parameters)
    }
    read()
    t.equal(destination.last.range.stopped, true, name)
    destination.send(0)
    destination.last.end()
    t.equal(stream.bytesRead, 0)
    t.equal(destination.socket?.destroyed, false)
  }
})

t.test('stopped, and somebody has taken the chunk out of the socket: the stream has a hole all the same', async (t) => {
  const { stream, destination, read } = await setUp(t)
  const errors: unknown[] = []
  destination.socket?.on('error', (error) => errors.push(error))
  read()
  stream.pause()
  destination.last.end()
  await turn()
  t.match(errors, [{ code: 'ERR_KTLS_RANGE_NOT_SENT' }])
  t.equal(destination.socket?.destroyed, true)
})

t.test('a descriptor that others may read from: what is under way is sent whole', async (t) => {
  const { stream, destination, read } = await setUp(t)
  Object.assign(stream, { pos: undefined, flags: undefined })
  read()
  stream.pause()
  t.equal(destination.last.range.stopped, undefined)
  destination.send()
  destination.last.end()
  t.equal(stream.bytesRead, size)
})

t.test("a range counts in the socket's queue as what fills it", async (t) => {
  const { destination, read } = await setUp(t)
  const socket = new Socket({ highWaterMark: 100_000 } as object)
  Object.assign(destination, { socket })
  const counted: number[] = []
  const { write } = destination
  destination.write = (chunk, ...others) => {
    counted.push(chunk.length)
    return write.call(destination, chunk, ...others)
  }
  read()
  t.strictSame(counted, [100_000])
  destination.send()
  destination.last.end()
})

t.test('a range that was sent before anybody could interrupt it is not watched', async (t) => {
  const { stream, destination, read } = await setUp(t)
  const listeners = stream.eventNames()
  const { write } = destination
  destination.write = (...parameters) => {
    const obstacle = write.apply(destination, parameters)
    destination.send()
    return obstacle
  }
  read()
  t.strictSame(stream.eventNames(), listeners)
  destination.last.end()
})

t.test('a range that Node has sent, in whole or in part, tells nothing of its connection', async (t) => {
  t.teardown(limitRanges(1000, 4000))
  const { destination, read } = await setUp(t)
  for (const offloaded of [0, 999]) {
    read()
    destination.send(1000, offloaded)
    destination.last.end()
    read()
    t.equal(destination.last.range.remaining, 1000)
    destination.send(1000, 0)
    destination.last.end()
  }
})

t.test('the rest is small: it follows all the same', async (t) => {
  const { destination, told, read } = await setUp(t, { bytes: maximumRangeBytes + 1 })
  read()
  destination.send()
  destination.last.end()
  read()
  t.match(destination.last.range, { offset: maximumRangeBytes, remaining: 1 })
  t.strictSame(
    told.filter(([name]) => name === 'fellBack'),
    [],
  )
  destination.send()
  destination.last.end()
})

t.test('what was read already flows first: nothing more is read meanwhile, and the rest is offloaded', async (t) => {
  const { destination, stream, reads, told, read } = await setUp(t)
  Object.defineProperty(stream, 'readableLength', { value: 12, configurable: true })
  read()
  t.strictSame([reads, destination.ranges, told], [['push'], [], []])
  Reflect.deleteProperty(stream, 'readableLength')
  read()
  t.equal(destination.ranges.length, 1)
  destination.send()
  destination.last.end()
})

t.test('too small: core reads from now on', async (t) => {
  const count = () => getStats().fallbacks['below-minimum-size'] ?? 0
  const before = count()
  const { destination, stream, told, reads, read } = await setUp(t, { bytes: 10 })
  read()
  t.strictSame(reads, ['given back', 65_536])
  t.strictSame(destination.ranges, [])
  t.strictSame(told, [['fellBack', 'below-minimum-size']])
  t.equal(count(), before + 1)
  t.equal(rememberedState(destination.object)?.fallbackReason, 'below-minimum-size')
  t.equal(stream.bytesRead, 0)
  t.equal(getStats().transfers.active, 0)
})

t.test('declined: core reads, the reason is counted once', async (t) => {
  const count = () => getStats().fallbacks['response-wrapped'] ?? 0
  const before = count()
  const { told, reads, read } = await setUp(t, { facts: { obstacle: 'response-wrapped' } })
  read()
  read()
  t.strictSame(reads, [65_536, 65_536])
  t.strictSame(told, [['fellBack', 'response-wrapped']])
  t.equal(count(), before + 1)
})

t.test('what falls back for the moment is tried again at the next read', async (t) => {
  const { destination, told, reads, read } = await setUp(t, { facts: { momentaryObstacle: 'response-corked' } })
  read()
  t.strictSame(reads, [65_536])
  destination.settled.momentaryObstacle = undefined
  read()
  t.equal(destination.ranges.length, 1)
  destination.send()
  t.strictSame(told, [
    ['fellBack', 'response-corked'],
    ['offloaded', 'tcp'],
  ])
  destination.last.end()
})

t.test('no descriptor for the file', async (t) => {
  const { binding, destination, told, reads, read } = await setUp(t)
  binding.files.splice(0, Infinity, -EMFILE)
  read()
  t.strictSame(reads, [65_536])
  t.strictSame(told, [['fellBack', 'descriptor-limit']])
  t.strictSame(destination.ranges, [])
})

t.test('an obstacle that shows only as the range is written', async (t) => {
  const { destination, told, reads, files, read } = await setUp(t)
  destination.obstacle = 'response-without-body'
  read()
  t.strictSame(reads, [65_536])
  t.strictSame(told, [['fellBack', 'response-without-body']])
  t.equal(files[0]?.closed, 1)
})

t.test('the ordinary way within a range: counted as bytes sent, not as offloaded', async (t) => {
  const before = getStats()
  const { stream, destination, transfer, told, reads, read } = await setUp(t)
  read()
  transfer.rangeFellBack('session-not-ready')
  transfer.rangeFellBack('socket-busy')
  destination.send(size, 0)
  destination.last.end()
  t.strictSame(told, [['fellBack', 'session-not-ready']], 'the first reason, once')
  t.equal(stream.bytesRead, size)
  t.strictSame(reads, ['push'])
  t.strictSame(getStats().transfers, before.transfers)
  t.strictSame(getStats().bytes, before.bytes)
})

t.test('the ordinary way of a whole range after an offloaded one: nothing is told of no bytes', async (t) => {
  const { destination, told, read } = await setUp(t, { bytes: maximumRangeBytes + 100 })
  read()
  destination.send()
  destination.last.end()
  read()
  destination.send(100, 0)
  destination.last.end()
  t.strictSame(told, [
    ['offloaded', 'tcp'],
    ['bytesOffloaded', maximumRangeBytes],
  ])
})

t.test(
  'a destination that throws: the error goes where that of a write goes, and the descriptor is closed',
  async (t) => {
    const { destination, files, stream, sink, reads, source, read } = await setUp(t)
    const thrown: unknown[] = []
    source.writeThrew = (error) => thrown.push(error)
    const error = new Error("the user's")
    destination.write = () => {
      throw error
    }
    read()
    t.strictSame(thrown, [error])
    t.equal(files[0]?.closed, 1)
    t.strictSame(reads, [], 'nothing is read, either')
    t.equal(stream.listenerCount('newListener'), 0, 'nor is anything waited for that could interrupt it')
    sink.emit('unpipe', stream)
    t.strictSame(reads, ['push'], 'but by who takes it over')
  },
)

t.test('a descriptor that cannot be read from: core says so', async (t) => {
  const { binding, told, reads, read } = await setUp(t)
  binding.files.unshift(-EBADF)
  read()
  t.strictSame(reads, [65_536])
  t.strictSame(told, [['fellBack', 'source-unavailable']])
})

t.test('taken away while it waits: it is asked again at once, and once', async (t) => {
  const { destination, stream, sink, reads, read } = await setUp(t)
  destination.waits = true
  read()
  sink.emit('unpipe', new PassThrough())
  t.strictSame(reads, [], 'another source')
  t.equal(sink.listenerCount('unpipe'), 2)
  destination.waits = false
  destination.settled.obstacle = 'destination-unavailable'
  const { resume } = destination
  sink.emit('unpipe', stream)
  t.equal(reads.length, 1)
  resume?.()
  t.equal(reads.length, 1)
  t.equal(sink.listenerCount('unpipe'), 1, "pipe()'s own")
})

t.test('not connected yet: it is read when it is, one way or the other', async (t) => {
  const { destination, reads, read } = await setUp(t)
  destination.waits = true
  read()
  t.strictSame(destination.ranges, [])
  t.strictSame(reads, [])
  destination.waits = false
  destination.resume?.()
  t.equal(destination.ranges.length, 1)

  const declined = await setUp(t)
  declined.destination.waits = true
  declined.read()
  declined.destination.waits = false
  declined.destination.settled.obstacle = 'destination-unavailable'
  declined.destination.resume?.()
  t.strictSame(declined.reads, [65_536])
})

t.test('not connected yet, and the source is destroyed meanwhile: nothing is read from it', async (t) => {
  const { destination, stream, reads, read } = await setUp(t)
  destination.waits = true
  read()
  stream.destroy()
  await once(stream, 'close')
  t.equal(Reflect.get(stream, 'fd'), null)
  t.doesNotThrow(() => destination.resume?.())
  t.strictSame(destination.ranges, [])
  t.strictSame(reads, [])
})

t.test('the socket failed half-way', async (t) => {
  const before = getStats()
  const events = listen(t)
  const { stream, destination, reads, files, read } = await setUp(t)
  const failure = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
  read()
  destination.send(1000)
  Object.assign(destination.last.range, { failure })
  destination.last.end(failure)
  t.equal(stream.bytesRead, 1000)
  t.equal(files[0]?.closed, 1)
  t.strictSame(getStats().transfers, {
    ...before.transfers,
    tcp: before.transfers.tcp + 1,
    failed: before.transfers.failed + 1,
  })
  t.equal(getStats().bytes.tcp, before.bytes.tcp + 1000)
  await turn()
  t.strictSame(
    events.map(([name, { bytesSent }]) => [name, bytesSent]),
    [
      ['start', 0],
      ['error', 1000],
    ],
  )
  t.equal(events[1]?.[1].error, failure)
  t.strictSame(reads, ['push'], "the source is pipe()'s to deal with")
  t.equal(stream.destroyed, false)
})

/** Ends a range with a truncation, as a socket's writer reports it. */
function truncate({ destination, read }: Awaited<ReturnType<typeof setUp>>, error?: Error) {
  const failure = sourceTruncated(size - 10)
  read()
  destination.send(10)
  destination.last.range.failure = failure
  destination.last.end(error)
  return failure
}

t.test('truncated: the source fails with it, where somebody listens', async (t) => {
  const fixture = await setUp(t)
  const errors: Error[] = []
  fixture.stream.on('error', (error) => errors.push(error))
  const closed = new Promise<void>((resolve) => fixture.stream.once('close', () => resolve()))
  const failure = truncate(fixture)
  await closed
  t.strictSame(errors, [failure])
  t.equal(fixture.stream.destroyed, true)
  t.strictSame(fixture.reads, [])
  t.equal(getStats().transfers.active, 0)
})

t.test('truncated: where nobody listens the source is closed in silence', async (t) => {
  const fixture = await setUp(t)
  fixture.stream.removeAllListeners('error')
  truncate(fixture)
  await once(fixture.stream, 'close')
  t.equal(fixture.stream.destroyed, true)
})

t.test('truncated: what the socket is told waits until the source has closed, if it says when', async (t) => {
  const { stream, source, transfer } = await setUp(t)
  stream.on('error', () => {})
  const told: string[] = []
  stream.once('close', () => told.push('close'))
  transfer.rangeFailed(sourceTruncated(1), () => told.push('told'))
  t.strictSame(told, [])
  await new Promise<void>((resolve) => stream.once('close', () => resolve()))
  t.strictSame(told, ['close', 'told'])
  transfer.rangeFailed(sourceTruncated(1), () => told.push('told again'))
  t.strictSame(told, ['close', 'told', 'told again'], 'it has')

  const silent = await setUp(t)
  t.equal(silent.source.emitsClose, true)
  Object.defineProperty(silent.source, 'emitsClose', { value: false })
  silent.transfer.rangeFailed(sourceTruncated(1), () => told.push('at once'))
  t.equal(told.at(-1), 'at once')
  t.equal(source.emitsClose, true)
})

t.test('a range that nobody sent: the stream has a hole, so the connection goes', async (t) => {
  const events = listen(t)
  const fixture = await setUp(t)
  const { stream, destination, read } = fixture
  const socket = destination.socket as Socket
  const errors: NodeJS.ErrnoException[] = []
  socket.on('error', (error) => errors.push(error))
  read()
  destination.send(1000)
  destination.last.end()
  await turn()
  t.equal(socket.destroyed, true)
  t.match(errors, [{ code: 'ERR_KTLS_RANGE_NOT_SENT', message: new RegExp(`\\b${size - 1000} bytes\\b`) }])
  const error = { code: 'ERR_KTLS_RANGE_NOT_SENT', message: new RegExp(`^${size - 1000} bytes .* has a hole\\.$`) }
  t.match(events.at(-1), ['error', { bytesSent: 1000, error }])
  t.equal(stream.bytesRead, 1000)
})

t.test('a range that ended because its socket was destroyed: no error of its own', async (t) => {
  const { stream, destination, read } = await setUp(t)
  const socket = destination.socket as Socket
  socket.on('error', (error) => t.fail(String(error)))
  stream.on('error', (error: Error) => t.fail(String(error)))
  read()
  destination.send(1000)
  socket.destroy()
  destination.last.end()
  await turn()
  t.equal(stream.bytesRead, 1000)
  t.equal(getStats().transfers.active, 0)
})

t.test('a file that grows while its last range is sent goes on as the same transfer', async (t) => {
  const before = getStats()
  const events = listen(t)
  const { stream, destination, read } = await setUp(t)
  read()
  writeFileSync((stream as ReadStream).path, Buffer.alloc(1000), { flag: 'a' })
  destination.send()
  destination.last.end()
  read()
  t.match(destination.last.range, { offset: size, remaining: 1000 }, 'what came to it is sent as well')
  destination.send()
  destination.last.end()
  read()
  await turn()
  t.strictSame(
    events.map(([name, { bytesSent }]) => [name, bytesSent]),
    [
      ['start', 0],
      ['asyncEnd', size + 1000],
    ],
  )
  t.equal(getStats().transfers.tcp, before.transfers.tcp + 1)
})

t.test('a transfer that is given up between two ranges is no longer active', async (t) => {
  for (const giveUp of ['destroyed', 'read on by core'] as const) {
    const before = getStats().transfers.active
    const { stream, destination, reads, read } = await setUp(t, { bytes: maximumRangeBytes + 5000 })
    read()
    destination.send()
    destination.last.end()
    t.equal(getStats().transfers.active, before, 'nothing is on its way')
    if (giveUp === 'read on by core') {
      stream.on('data', () => {})
      read()
      t.equal(reads.at(-1), 65_536)
    }
    stream.destroy()
    await once(stream, 'close')
    await turn()
    t.equal(getStats().transfers.active, before, giveUp)
  }
})

t.test('a transfer whose source goes between two ranges is over, once; with the error, if there was one', async (t) => {
  for (const error of [null, new Error('read failed')]) {
    const before = getStats().transfers.failed
    const events = listen(t)
    const { destination, transfer, read } = await setUp(t, { bytes: maximumRangeBytes + 5000 })
    transfer.sourceGone(error)
    await turn()
    t.strictSame(events, [], 'nothing has begun')
    read()
    destination.send()
    transfer.sourceGone(error)
    await turn()
    t.strictSame(
      events.map(([name]) => name),
      ['start'],
      'a range that is under way is waited for',
    )
    destination.last.end()
    transfer.sourceGone(error)
    transfer.sourceGone(error)
    await turn()
    t.match(
      events.map(([name, event]) => [name, event.bytesSent, event.error]),
      [
        ['start', 0, undefined],
        [error ? 'error' : 'asyncEnd', maximumRangeBytes, error ?? undefined],
      ],
    )
    t.equal(getStats().transfers.failed, before + (error ? 1 : 0))
  }
})

t.test('a source that is destroyed while a range is under way: it is stopped, and the transfer over', async (t) => {
  for (const error of [undefined, new Error('given up')]) {
    const events = listen(t)
    const { stream, destination, transfer, reads, read } = await setUp(t)
    const listeners = stream.eventNames()
    stream.on('error', () => {})
    read()
    destination.send(5000)
    transfer.sourceGone(error ?? null) // as its _destroy has it
    stream.destroy(error)
    t.equal(destination.last.range.stopped, true)
    destination.last.end()
    await turn()
    t.match(
      events.map(([name, event]) => [name, event.bytesSent, event.error]),
      [
        ['start', 0, undefined],
        [error ? 'error' : 'asyncEnd', 5000, error],
      ],
    )
    t.equal(destination.socket?.destroyed, false)
    t.strictSame(
      stream.eventNames().filter((name) => !listeners.includes(name)),
      ['error'],
    )
    t.strictSame(reads, ['push'], 'which a destroyed stream ignores')
    t.equal(getStats().transfers.active, 0)
  }
})

t.test('a range whose length was announced is waited for when its source is destroyed', async (t) => {
  const events = listen(t)
  const { stream, destination, transfer, read } = await setUp(t, { bytes: maximumRangeBytes + 5000 })
  destination.framesRanges = true
  read()
  destination.send()
  transfer.sourceGone(null)
  stream.destroy()
  t.equal(destination.last.range.stopped, undefined)
  destination.last.end()
  await turn()
  t.strictSame(
    events.map(([name, { bytesSent }]) => [name, bytesSent]),
    [
      ['start', 0],
      ['asyncEnd', maximumRangeBytes],
    ],
  )
})

t.test('stopped, and lost with its connection all the same', async (t) => {
  const events = listen(t)
  const { stream, destination, read } = await setUp(t)
  read()
  destination.send(5000)
  stream.pause()
  destination.socket?.destroy()
  destination.last.end()
  await turn()
  t.match(events.at(-1), ['error', { bytesSent: 5000, error: { code: 'ERR_KTLS_RANGE_NOT_SENT' } }])
})

t.test('a zero-copy pipe that holds something is emptied first', async (t) => {
  const { binding, source, destination, reads } = await setUp(t)
  const held: (() => void)[] = []
  const inner = new Writable({ write: (_chunk, _encoding, callback) => held.push(callback) })
  const pipe = createZeroCopyPipe(inner)
  const transfer = new FileTransfer(source, pipe, destination, binding, {})
  source.readAgain = (wanted) => transfer.read(wanted)
  pipe.write('before')
  transfer.read(65_536)
  t.equal(destination.ranges.length, 0)
  t.strictSame(reads, [])
  held.shift()?.()
  await new Promise(setImmediate)
  t.equal(destination.ranges.length, 1)
})
