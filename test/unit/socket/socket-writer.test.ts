import crypto from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { constants } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { FallbackReason } from '../../../src/fallback-reason.js'
import { HandOverStatus, Outcome } from '../../../src/native/binding.js'
import type { BufferedChunk, ChunkBatch } from '../../../src/node-internals.js'
import type { SessionEvent } from '../../../src/observe/diagnostics.js'
import { rememberedState } from '../../../src/observe/remembered.js'
import { getStats } from '../../../src/observe/stats.js'
import { createRangeChunk, type FileRange, stopRange } from '../../../src/socket/file-range.js'
import { encryptionOf, SocketWriter } from '../../../src/socket/socket-writer.js'
import { matchEach } from '../../support/match-each.js'
import { FakeBinding, FakeFile, FakeQueue } from '../fixtures/fake-binding.js'
import { asSocket, FakeSocket, fakeTlsSocket } from '../fixtures/fake-socket.js'
import { slot, useBinding } from '../fixtures/slots.js'

const { EAGAIN, EMFILE, ENODATA, ENOENT, EPIPE } = constants.errno
const content = Buffer.from(Array.from({ length: 200_000 }, (_, index) => 97 + ((index * 31 + (index >> 9)) % 26)))
const text = (offset: number, length: number) => content.toString('latin1', offset, offset + length)

interface SentRange extends FileRange {
  readonly file: FakeFile
}

function setUp(t: Test, kind: 'tls' | 'tcp' = 'tls') {
  const binding = new FakeBinding()
  useBinding(binding)
  t.teardown(() => {
    slot<{ askAgainAtMs: number }>('kernel tls').askAgainAtMs = Number.NEGATIVE_INFINITY
  })
  const path = join(t.testdir({}), 'file')
  writeFileSync(path, content)
  const fd = openSync(path, 'r')
  t.teardown(() => closeSync(fd))

  const socket = kind === 'tls' ? fakeTlsSocket() : new FakeSocket(false)
  const writer = SocketWriter.of(asSocket(socket), binding)
  const observed: string[] = []
  const range = (offset: number, remaining: number): SentRange => ({
    file: new FakeFile(fd),
    offset,
    remaining,
    observer: {
      rangeOffloaded: (engine) => observed.push(engine),
      rangeFellBack: (reason: FallbackReason) => observed.push(reason),
    },
    bytesSent: 0,
    bytesOffloaded: 0,
  })
  /** What Node's Writable does with what is in its queue. */
  const write = (...chunks: (string | Buffer | FileRange)[]): Promise<Error | null | undefined> => {
    const batch: ChunkBatch = chunks.map((chunk): BufferedChunk => {
      if (typeof chunk === 'string') return { chunk, encoding: 'latin1' }
      return { chunk: Buffer.isBuffer(chunk) ? chunk : createRangeChunk(chunk), encoding: 'buffer' }
    })
    return new Promise((resolve) => {
      const [first] = batch
      if (batch.length === 1 && first !== undefined) socket._write(first.chunk, first.encoding, resolve)
      else socket._writev(batch, resolve)
    })
  }
  const queue = new FakeQueue(binding)
  /** The item submitted last ends so. */
  const deliver = (outcome: number, bytesSent = 0) => binding.deliver([queue.items.at(-1), outcome, bytesSent])
  return { binding, socket, writer, observed, range, write, queue, deliver }
}

/** With the session handed over by a range of 10 bytes. */
async function setUpHandedOver(t: Test) {
  const fixture = setUp(t)
  fixture.binding.answerHandOver(HandOverStatus.Done, fixture.queue)
  fixture.queue.completesRanges = true
  await fixture.write(fixture.range(0, 10))
  fixture.queue.completesRanges = false
  fixture.queue.calls.length = 0
  fixture.queue.items.length = 0
  fixture.observed.length = 0
  return fixture
}

t.test('a socket has one writer, made on first use', async (t) => {
  const binding = new FakeBinding()
  useBinding(binding)
  const socket = asSocket(new FakeSocket(false))
  t.equal(SocketWriter.existing(socket), undefined)
  const writer = SocketWriter.of(socket, binding)
  const { _write, _writev, _final, _destroy } = socket
  t.equal(SocketWriter.of(socket, binding), writer)
  t.equal(SocketWriter.existing(socket), writer)
  t.ok(
    _write === socket._write && _writev === socket._writev && _final === socket._final && _destroy === socket._destroy,
  )
  t.equal(binding.count('openMailbox'), 1)
})

t.test('before a hand-over bytes take the methods that the socket had', async (t) => {
  const { binding, socket, writer, write } = setUp(t)
  t.equal(await write('one'), undefined)
  const batch: ChunkBatch = [
    { chunk: 'two', encoding: 'utf8' },
    { chunk: Buffer.from('three'), encoding: 'buffer' },
  ]
  batch.allBuffers = true
  await new Promise<unknown>((resolve) => socket._writev(batch, resolve))
  t.strictSame(socket.ordinary, [
    { method: '_write', text: 'one' },
    { method: '_writev', text: 'two|three', allBuffers: true },
  ])
  t.equal(writer.isHandedOver, false)
  t.strictSame(binding.calls, [['openMailbox']], 'nothing native is done for bytes')
})

t.test('an error of the ordinary way is handed on', async (t) => {
  const { socket, write, range, observed } = setUp(t)
  socket.writeError = new Error('reset')
  t.equal(await write('one'), socket.writeError)
  t.equal(await write('one', range(0, 10), 'two'), socket.writeError)
  t.equal(socket.ordinaryBytes, 'oneone', 'and nothing follows')
  t.strictSame(observed, [])
})

t.test('the first range hands the session over and goes through its queue', async (t) => {
  const before = getStats().sessions
  const { binding, socket, writer, observed, range, write, queue, deliver } = setUp(t)
  binding.answerHandOver(HandOverStatus.Done, queue)
  const events: SessionEvent[] = []
  const listen = (message: unknown) => events.push(message as SessionEvent)
  subscribe('ktls-pipe:session', listen)
  t.teardown(() => unsubscribe('ktls-pipe:session', listen))

  const sent = range(5, 50_000)
  const done = write(sent)
  t.strictSame(binding.calls.at(-1), ['handOver', socket._handle, 77, socket.finished])
  matchEach(t, queue.calls, [['sendRange', sent.file, 5, 50_000, 0]])
  t.equal(writer.isHandedOver, true)
  deliver(Outcome.Complete, 50_000)
  t.equal(await done, undefined)
  t.strictSame(observed, ['tls'])
  t.match(sent, { bytesSent: 50_000, bytesOffloaded: 50_000, remaining: 0, failure: undefined })
  t.equal(sent.file.closed, 1)
  t.strictSame(socket.ordinary, [])
  t.strictSame(getStats().sessions, { ...before, tracked: before.tracked + 1, kernel: before.kernel + 1 })
  t.equal(rememberedState(asSocket(socket))?.encryption, 'kernel')
  await turn()
  matchEach(t, events, [{ socket: asSocket(socket), encryption: 'kernel' }])
})

t.test('after the hand-over everything takes the queue', async (t) => {
  const { binding, socket, range, write, queue, deliver } = await setUpHandedOver(t)
  queue.answers.push(1, 1, 0, 1)
  queue.completesRanges = true
  t.equal(await write('one'), undefined)
  t.equal(await write('two', Buffer.from('three'), range(20, 30), 'four'), undefined)
  matchEach(t, queue.calls, [
    ['sendBytes', 'one'],
    ['sendBytes', 'twothree'],
    ['sendRange', FakeFile, 20, 30, 0],
    ['sendBytes', 'four'],
  ])
  t.equal(binding.count('handOver'), 1, 'once for all')
  t.strictSame(socket.ordinary, [])
  const failing = write('five', 'six')
  deliver(-EPIPE)
  t.match(await failing, { code: 'EPIPE' })
})

t.test('a batch keeps its order: each part waits for the one before', async (t) => {
  const { binding, socket, range, write, queue, deliver } = setUp(t)
  binding.answerHandOver(HandOverStatus.Done, queue)
  socket.holdWrites = true
  const first = range(0, 100)
  const second = range(100, 50)
  const done = write('head', Buffer.from('er'), first, second, 'tail')
  t.strictSame(socket.ordinary, [{ method: '_writev', text: 'head|er', allBuffers: false }])
  t.equal(binding.count('handOver'), 0, 'not while bytes are under way')
  socket.held.shift()?.()
  matchEach(t, queue.calls, [['sendRange', first.file, 0, 100, 0]])
  deliver(Outcome.Progress, 60)
  t.equal(queue.calls.length, 1)
  deliver(Outcome.Complete, 100)
  t.match(queue.calls.slice(1), [['sendRange', second.file, 100, 50, 0]])
  deliver(Outcome.Complete, 50)
  t.strictSame(queue.calls.at(-1), ['sendBytes', 'tail'])
  let ended = false
  void done.then(() => {
    ended = true
  })
  await turn()
  t.equal(ended, false)
  deliver(Outcome.Complete, 4)
  t.equal(await done, undefined)
})

t.test('what is left of a batch is not written to a socket that was destroyed, and is no error', async (t) => {
  const { binding, socket, range, write, queue, deliver } = setUp(t, 'tcp')
  binding.tcpQueues.push(queue)
  const done = write(range(0, 100), 'tail')
  socket.destroyed = true
  deliver(Outcome.Complete, 100)
  t.equal(await done, undefined)
  t.strictSame(socket.ordinary, [])
})

t.test("a slice of a batch keeps Node's mark", async (t) => {
  const { binding, socket, range } = setUp(t)
  for (const allBuffers of [true, false]) {
    socket.ordinary.length = 0
    binding.answerHandOver(HandOverStatus.SessionNotReady)
    const batch: ChunkBatch = ['a', 'b'].map((letter) => ({ chunk: Buffer.from(letter), encoding: 'buffer' }))
    batch.push({ chunk: createRangeChunk(range(0, 1)), encoding: 'buffer' })
    batch.allBuffers = allBuffers
    await new Promise<unknown>((resolve) => socket._writev(batch, resolve))
    t.equal(socket.ordinary[0]?.allBuffers, allBuffers)
  }
})

t.test('busy: waits until what was written has left, then tries again', async (t) => {
  const { binding, socket, observed, range, write, queue } = setUp(t)
  binding.answerHandOver(HandOverStatus.Busy).answerHandOver(HandOverStatus.Done, queue)
  queue.completesRanges = true
  t.equal(await write(range(0, 10)), undefined)
  t.strictSame(socket.ordinary, [{ method: '_write', text: '', empty: true }])
  t.equal(binding.count('handOver'), 2)
  t.strictSame(observed, ['tls'])
})

t.test('busy: bytes below, in either queue, are reason enough not to ask', async (t) => {
  for (const which of ['session', 'connection']) {
    const { binding, socket, range, write, queue } = setUp(t)
    const handle = socket._handle as NonNullable<typeof socket._handle>
    const full = which === 'session' ? handle : handle._parent
    if (full === undefined) throw new Error('no parent')
    full.writeQueueSize = 100
    let flushes = 0
    socket.beforeWritten = () => {
      t.equal(binding.count('handOver'), 0)
      if (++flushes === 2) full.writeQueueSize = 0
    }
    binding.answerHandOver(HandOverStatus.Done, queue)
    queue.completesRanges = true
    t.equal(await write(range(0, 10)), undefined)
    t.equal(flushes, 2)
    t.equal(binding.count('handOver'), 1)
  }
})

t.test('busy for ever: the range takes the ordinary way', async (t) => {
  const { binding, socket, writer, observed, range, write } = setUp(t)
  for (let attempt = 0; attempt < 50; attempt++) binding.answerHandOver(HandOverStatus.Busy)
  const sent = range(3, 70_000)
  t.equal(await write(sent), undefined)
  t.ok(binding.count('handOver') >= 2 && binding.count('handOver') <= 16, `${binding.count('handOver')} attempts`)
  t.strictSame(observed, ['socket-busy'])
  t.equal(socket.ordinaryBytes, text(3, 70_000))
  t.match(sent, { bytesSent: 70_000, bytesOffloaded: 0, remaining: 0 })
  t.equal(sent.file.closed, 1)
  t.equal(writer.refusal, undefined, 'it may be tried again')
})

t.test('a proof is needed: the beginning of the range goes through OpenSSL, the rest through the kernel', async (t) => {
  const { binding, socket, observed, range, write, queue, deliver } = setUp(t)
  binding.answerHandOver(HandOverStatus.ProofNeeded).answerHandOver(HandOverStatus.Done, queue)
  const sent = range(1000, 100_000)
  const done = write(sent)
  while (queue.calls.length === 0) await turn()
  const [, , offset, length] = queue.calls[0] as [string, unknown, number, number]
  t.equal(offset - 1000, 100_000 - length, 'it goes on from the exact byte')
  t.ok(offset - 1000 > 0 && offset - 1000 < 2048 - 64, `${offset - 1000} bytes: a record that the tracker keeps`)
  t.equal(socket.ordinaryBytes, text(1000, offset - 1000))
  deliver(Outcome.Complete, length)
  t.equal(await done, undefined)
  t.match(sent, { bytesSent: 100_000, bytesOffloaded: length, remaining: 0 })
  t.strictSame(observed, ['tls'])
})

t.test('a proof is needed and the range is shorter than it', async (t) => {
  const { binding, socket, observed, range, write } = setUp(t)
  binding.answerHandOver(HandOverStatus.ProofNeeded)
  const sent = range(0, 9)
  t.equal(await write(sent), undefined)
  t.equal(socket.ordinaryBytes, text(0, 9))
  t.match(sent, { bytesSent: 9, bytesOffloaded: 0, remaining: 0 })
  t.equal(sent.file.closed, 1)
  t.equal(binding.count('handOver'), 1)
  t.strictSame(observed, [])
})

t.test('a proof never comes: no endless loop', async (t) => {
  const { binding, socket, observed, range, write } = setUp(t)
  for (let attempt = 0; attempt < 50; attempt++) binding.answerHandOver(HandOverStatus.ProofNeeded)
  const sent = range(0, 100_000)
  t.equal(await write(sent), undefined)
  t.strictSame(observed, ['socket-busy'])
  t.equal(socket.ordinaryBytes, text(0, 100_000))
})

t.test('stopped before its turn: nothing of it is sent, and what follows is', async (t) => {
  const { socket, range, write, queue, binding, observed } = await setUpHandedOver(t)
  const stopped = range(0, 5000)
  stopRange(stopped)
  t.equal(await Promise.race([write(stopped), turn('still under way')]), undefined)
  t.strictSame(queue.calls, [])
  t.equal(stopped.file.closed, 1)
  const plain = setUp(t, 'tcp')
  const next = plain.range(0, 5000)
  stopRange(next)
  t.equal(await Promise.race([plain.write(next), turn('still under way')]), undefined)
  t.equal(plain.binding.count('openTcpQueue'), 0)
  const fresh = setUp(t)
  const first = fresh.range(0, 5000)
  stopRange(first)
  t.equal(await Promise.race([fresh.write(first), turn('still under way')]), undefined)
  t.equal(fresh.binding.count('handOver'), 0, 'no session is handed over for it')
  t.match([stopped, next, first], [{ bytesSent: 0 }, { bytesSent: 0 }, { bytesSent: 0 }])
  t.strictSame([...observed, ...plain.observed, ...fresh.observed], [])
  t.equal(socket.destroyed, false)
  t.equal(binding.count('handOver'), 1)
})

t.test('a proof is needed, and the range is stopped as it is read: nothing is sent', async (t) => {
  const { binding, range, write, observed } = setUp(t)
  binding.answerHandOver(HandOverStatus.ProofNeeded)
  const stopped = range(0, 5000)
  const written = write(stopped)
  stopRange(stopped)
  t.equal(await written, undefined)
  t.match(stopped, { bytesSent: 0, remaining: 5000 })
  t.equal(binding.count('handOver'), 1)
  t.strictSame(observed, [])
})

t.test('refused for good: the ordinary way in the same place, counted and told', async (t) => {
  const before = getStats().sessions
  const { binding, socket, writer, observed, range, write } = setUp(t)
  const events: SessionEvent[] = []
  const listen = (message: unknown) => events.push(message as SessionEvent)
  subscribe('ktls-pipe:session', listen)
  t.teardown(() => unsubscribe('ktls-pipe:session', listen))
  binding.answerHandOver(HandOverStatus.KeysRefused, undefined, ENOENT)
  const sent = range(10, 1000)
  t.equal(await write('<', sent, '>'), undefined)
  t.equal(socket.ordinaryBytes, `<${text(10, 1000)}>`)
  t.strictSame(observed, ['kernel-refused'])
  t.equal(writer.refusal, 'kernel-refused')
  t.equal(writer.isHandedOver, false)
  t.equal(sent.file.closed, 1)
  await turn()
  matchEach(t, events, [{ socket: asSocket(socket), encryption: 'userspace', reason: 'kernel-refused', errno: ENOENT }])
  t.strictSame(getStats().sessions, { ...before, tracked: before.tracked + 1, refused: before.refused + 1 })
})

t.test('refused for the moment: the next range is tried again', async (t) => {
  const before = getStats().sessions
  const { binding, socket, writer, observed, range, write, queue } = setUp(t)
  binding.answerHandOver(HandOverStatus.SessionNotReady).answerHandOver(HandOverStatus.Done, queue)
  queue.completesRanges = true
  t.equal(await write(range(0, 100)), undefined)
  t.equal(writer.refusal, undefined)
  t.equal(getStats().sessions.refused, before.refused)
  t.equal(await write(range(100, 100)), undefined)
  t.strictSame(observed, ['session-not-ready', 'tls'])
  t.equal(socket.ordinaryBytes, text(0, 100))
})

t.test('FIPS mode: the session stays in OpenSSL', async (t) => {
  const { getFips } = crypto
  crypto.getFips = () => 1
  syncBuiltinESMExports()
  t.teardown(() => {
    crypto.getFips = getFips
    syncBuiltinESMExports()
  })
  const { binding, socket, writer, observed, range, write } = setUp(t)
  t.equal(await write(range(0, 100)), undefined)
  t.strictSame(observed, ['fips-mode'])
  t.equal(writer.refusal, 'fips-mode')
  t.equal(binding.count('handOver'), 0)
  t.equal(socket.ordinaryBytes, text(0, 100))
})

t.test('no thread could be started (-EAGAIN): the same bytes by the ordinary way, through the queue', async (t) => {
  const { socket, observed, range, write, queue } = await setUpHandedOver(t)
  queue.answers.push(-EAGAIN, 1, 1)
  const sent = range(7, 1000)
  t.equal(await write(sent), undefined)
  matchEach(t, queue.calls, [
    ['sendRange', sent.file, 7, 1000, 0],
    ['sendBytes', text(7, 1000)],
  ])
  t.strictSame(observed, ['descriptor-limit'])
  t.strictSame(socket.ordinary, [], "never through OpenSSL's methods again")
  t.match(sent, { bytesSent: 1000, bytesOffloaded: 0 })
})

t.test('refused by a queue that has failed: the write fails', async (t) => {
  const { range, write, queue, observed } = await setUpHandedOver(t)
  queue.answers.push(-EPIPE)
  const sent = range(7, 1000)
  t.match(await write(sent), { code: 'EPIPE', syscall: 'write' })
  t.match(sent, { bytesSent: 0, failure: { code: 'EPIPE' } })
  t.equal(sent.file.closed, 1)
  t.notOk(observed.includes('descriptor-limit'))
})

t.test('truncated: the write fails where somebody listens for errors', async (t) => {
  const { socket, range, write, deliver } = await setUpHandedOver(t)
  const sent = range(0, 1000)
  const done = write(sent, 'after')
  deliver(-ENODATA, 400)
  t.match(await done, { code: 'ERR_KTLS_SOURCE_TRUNCATED' })
  t.match(sent, { bytesSent: 400, failure: { code: 'ERR_KTLS_SOURCE_TRUNCATED' } })
  t.equal(sent.file.closed, 1)
  t.equal(socket.destroyed, false, 'Node destroys a socket whose write failed')
})

t.test('truncated: where nobody listens the socket is destroyed, and the process lives on', async (t) => {
  const { socket, range, write, queue, deliver } = await setUpHandedOver(t)
  socket.errorListeners = 0
  const sent = range(0, 1000)
  const done = write(sent)
  deliver(-ENODATA, 400)
  t.equal(await done, undefined)
  t.strictSame(socket.destroyedWith, [undefined])
  t.match(sent.failure, { code: 'ERR_KTLS_SOURCE_TRUNCATED' })
  t.strictSame(queue.methods, ['sendRange'])
})

t.test('truncated on the ordinary way: the same', async (t) => {
  const { binding, socket, range, write } = setUp(t)
  binding.answerHandOver(HandOverStatus.SessionNotReady)
  socket.errorListeners = 0
  const sent = range(content.length - 100, 300)
  t.equal(await write(sent), undefined)
  t.strictSame(socket.destroyedWith, [undefined])
  t.match(sent, { bytesSent: 100, failure: { code: 'ERR_KTLS_SOURCE_TRUNCATED' } })
})

t.test('destroyed meanwhile: nothing more is asked for, and the file is closed', async (t) => {
  const { binding, socket, observed, range, write } = setUp(t)
  binding.answerHandOver(HandOverStatus.Busy)
  socket.beforeWritten = () => {
    socket.destroyed = true
  }
  const sent = range(0, 1000)
  t.equal(await write(sent), undefined)
  t.equal(binding.count('handOver'), 1)
  t.strictSame(observed, [])
  t.match(sent, { bytesSent: 0, remaining: 1000 })
  t.equal(sent.file.closed, 1)
})

t.test('end: close_notify through the queue, OpenSSL is told, then TCP is shut down', async (t) => {
  const { binding, socket, queue, deliver } = await setUpHandedOver(t)
  const handle = socket._handle
  let finals = 0
  socket._final(() => finals++)
  matchEach(t, queue.calls, [['sendControl', 21, [1, 0], false]])
  t.strictSame(socket.events, [], 'not before TCP has accepted it')
  t.equal(binding.count('markShutdownSent'), 0)
  deliver(Outcome.Complete, 2)
  t.strictSame(binding.calls.at(-1), ['markShutdownSent', handle])
  t.strictSame(socket.events, ['shutDown'])
  t.equal(finals, 1)
})

t.test('end: a close_notify that cannot be sent does not hold the shutdown up', async (t) => {
  const { socket, queue } = await setUpHandedOver(t)
  queue.answers.push(-EPIPE)
  socket._final(() => {})
  t.strictSame(socket.events, ['shutDown'])
})

t.test('end: without a hand-over it is all Node', async (t) => {
  for (const kind of ['tls', 'tcp'] as const) {
    const { binding, socket } = setUp(t, kind)
    let finals = 0
    socket._final(() => finals++)
    t.strictSame(socket.events, ['shutDown'])
    t.equal(finals, 1)
    t.equal(binding.count('markShutdownSent'), 0)
  }
})

t.test('end: of a socket whose handle went meanwhile', async (t) => {
  const { binding, socket, deliver } = await setUpHandedOver(t)
  socket._final(() => {})
  socket._handle = null
  deliver(Outcome.Complete, 2)
  t.equal(binding.count('markShutdownSent'), 0)
  t.strictSame(socket.events, ['shutDown'])
})

const ignore = () => {}

t.test('destroy: the queue is closed first; a close does not wait for a thread', async (t) => {
  const { socket, queue } = await setUpHandedOver(t)
  queue.releasedAtOnce = false
  const failure = new Error('why')
  let given: Error | null | undefined
  socket._destroy(failure, (error) => {
    given = error
  })
  t.strictSame(queue.calls, [['close', false]])
  t.strictSame(socket.events, ['closed'])
  t.equal(given, failure)
})

t.test('destroy: only a connection that waits for its next request says close_notify', async (t) => {
  const idle = { _httpMessage: null, parser: {}, writableEnded: false, writableLength: 0 }
  const saying = async (state: object, error: Error | null = null) => {
    const { socket, queue } = await setUpHandedOver(t)
    Object.assign(socket, state)
    socket._destroy(error, ignore)
    t.equal(queue.methods.at(-1), 'close')
    return queue.methods.includes('sendControl')
  }
  t.equal(await saying(idle), true)
  t.equal(await saying({ ...idle, _httpMessage: {} }), false, 'in the middle of an answer')
  t.equal(await saying({ ...idle, parser: null }), false, 'not HTTP')
  t.equal(await saying({ ...idle, resetAndClosing: true }), false, 'for a reset')
  t.equal(await saying(idle, new Error('why')), false, 'failed')
})

t.test('destroy: a reset waits until no other descriptor holds the connection', async (t) => {
  const { socket, queue, deliver } = await setUpHandedOver(t)
  queue.releasedAtOnce = false
  socket.resetAndClosing = true
  socket._destroy(null, ignore)
  t.strictSame(queue.calls, [['close', true]])
  t.strictSame(socket.events, [])
  deliver(Outcome.Released)
  t.strictSame(socket.events, ['closed'])
})

t.test('destroy: a reset need not wait where the descriptor is closed at once', async (t) => {
  const { socket, queue } = await setUpHandedOver(t)
  socket.resetAndClosing = true
  socket._destroy(null, ignore)
  t.strictSame(queue.calls, [['close', true]])
  t.strictSame(socket.events, ['closed'])
})

t.test('destroy: without a queue it is all Node', async (t) => {
  const { socket } = setUp(t)
  socket.resetAndClosing = true
  socket._destroy(null, ignore)
  t.strictSame(socket.events, ['closed'])
})

t.test('the rest of an upload is in vain once it is answered', async (t) => {
  const { socket, writer, binding, write, range } = setUp(t)
  binding.answerHandOver(HandOverStatus.Done, new FakeQueue())
  socket._httpMessage = { _ended: true }
  t.equal(writer.sendsInVain, false, 'nothing is under way')
  write(range(0, 200_000))
  t.equal(writer.sendsInVain, true)
  socket._httpMessage = { _ended: false }
  t.equal(writer.sendsInVain, false, 'not answered to the end')
  socket._httpMessage = { statusCode: 200, _ended: true }
  t.equal(writer.sendsInVain, false, 'a response')
  socket._httpMessage = null
  t.equal(writer.sendsInVain, false)
})

t.test('socket.bytesWritten counts what went past Node', async (t) => {
  const { socket, writer, range, write, queue, deliver } = await setUpHandedOver(t)
  t.equal(socket._handle?.bytesWritten, 1010, "the handle's own 1000, and the range of 10")
  queue.answers.push(1)
  await write('twelve bytes')
  const done = write(range(0, 500))
  deliver(-EPIPE, 100)
  await done
  t.equal(writer.bytesWrittenPastNode, 122)
  t.equal(socket._handle?.bytesWritten, 1122)
})

t.test('hasAdvanced: bytes have left the queue since it was asked the last time', async (t) => {
  const tcp = setUp(t, 'tcp')
  t.equal(tcp.writer.hasAdvanced(), false, 'without a queue')
  tcp.binding.tcpQueues.push(tcp.queue)
  const done = tcp.write(tcp.range(0, 500))
  t.equal(tcp.writer.hasAdvanced(), false)
  tcp.queue.sent = 100
  t.equal(tcp.writer.hasAdvanced(), true)
  t.equal(tcp.writer.hasAdvanced(), false)
  tcp.deliver(Outcome.Complete, 500)
  await done

  const { writer, range, write, queue, deliver } = await setUpHandedOver(t)
  const next = write(range(0, 500))
  queue.sent = 100
  t.equal(writer.hasAdvanced(), true)
  deliver(Outcome.Complete, 500)
  await next
})

t.test('the key is spent: counted and told; a socket that does not speak HTTP goes on', async (t) => {
  const { binding, socket, queue } = await setUpHandedOver(t)
  const count = () => getStats().fallbacks['key-spent'] ?? 0
  const before = count()
  const events: unknown[] = []
  const listen = (message: unknown) => events.push(message)
  subscribe('ktls-pipe:session', listen)
  t.teardown(() => unsubscribe('ktls-pipe:session', listen))
  binding.deliver([queue.keyItem, Outcome.KeySpent, 0])
  await turn()
  t.equal(count(), before + 1)
  matchEach(t, events, [{ socket: asSocket(socket), encryption: 'kernel', reason: 'key-spent' }])
  t.strictSame(queue.calls, [])
})

t.test('encryptionOf: nobody, OpenSSL, the kernel', async (t) => {
  const { socket, range, write, binding, queue } = setUp(t)
  t.equal(encryptionOf(null), 'none')
  t.equal(encryptionOf(asSocket(new FakeSocket(false))), 'none')
  t.equal(encryptionOf(asSocket(fakeTlsSocket())), 'userspace')
  t.equal(encryptionOf(asSocket(socket)), 'userspace')
  binding.answerHandOver(HandOverStatus.Done, queue)
  queue.completesRanges = true
  await write(range(0, 10))
  t.equal(encryptionOf(asSocket(socket)), 'kernel')
})

t.test('plain TCP: a socket that is connected again counts anew', async (t) => {
  const { binding, socket, writer, range, write, queue } = setUp(t, 'tcp')
  queue.completesRanges = true
  binding.tcpQueues.push(queue)
  await write(range(0, 500))
  SocketWriter.of(asSocket(socket), binding)
  t.equal(writer.bytesWrittenPastNode, 500, 'the same connection')
  socket._handle = new FakeSocket(false)._handle
  SocketWriter.of(asSocket(socket), binding)
  t.equal(writer.bytesWrittenPastNode, 0)
  t.equal(socket._handle?.bytesWritten, 1000, "the new handle's own")
})

t.test('plain TCP: each range has a queue of its own, bytes stay with Node', async (t) => {
  const { binding, socket, writer, observed, range, write, queue, deliver } = setUp(t, 'tcp')
  binding.tcpQueues.push(queue)
  const sent = range(100, 5000)
  const done = write('head', sent, 'tail')
  while (queue.calls.length === 0) await turn()
  t.strictSame(binding.calls.at(-1), ['openTcpQueue', 77])
  matchEach(t, queue.calls, [['sendRange', sent.file, 100, 5000, 0]])
  deliver(Outcome.Complete, 5000)
  t.equal(await done, undefined)
  t.strictSame(queue.calls.at(-1), ['close', false])
  t.strictSame(observed, ['tcp'])
  t.equal(socket.ordinaryBytes, 'headtail')
  t.equal(writer.bytesWrittenPastNode, 5000)
  t.equal(socket._handle?.bytesWritten, 6000)
  t.equal(writer.isHandedOver, false)

  const next = new FakeQueue(binding)
  next.completesRanges = true
  binding.tcpQueues.push(next)
  t.equal(await write(range(0, 11)), undefined)
  t.strictSame(next.methods, ['sendRange', 'close'])
  t.equal(writer.bytesWrittenPastNode, 5011)
})

t.test('plain TCP: waits until the bytes before have left', async (t) => {
  const { binding, socket, observed, range, write, queue } = setUp(t, 'tcp')
  const handle = socket._handle as NonNullable<typeof socket._handle>
  handle.writeQueueSize = 5
  socket.beforeWritten = () => {
    t.equal(binding.count('openTcpQueue'), 0)
    handle.writeQueueSize = 0
  }
  binding.tcpQueues.push(queue)
  queue.completesRanges = true
  t.equal(await write(range(0, 10)), undefined)
  t.strictSame(socket.ordinary, [{ method: '_write', text: '', empty: true }])
  t.strictSame(observed, ['tcp'])
})

t.test('plain TCP: bytes that do not leave', async (t) => {
  const { binding, socket, observed, range, write } = setUp(t, 'tcp')
  const handle = socket._handle as NonNullable<typeof socket._handle>
  handle.writeQueueSize = 5
  const sent = range(0, 10)
  t.equal(await write(sent), undefined)
  t.strictSame(observed, ['socket-busy'])
  t.equal(socket.ordinaryBytes, text(0, 10))
  t.equal(binding.count('openTcpQueue'), 0)
})

t.test('plain TCP: no descriptor for a queue', async (t) => {
  const { binding, socket, observed, range, write } = setUp(t, 'tcp')
  binding.tcpQueues.push(-EMFILE)
  t.equal(await write(range(0, 10)), undefined)
  t.strictSame(observed, ['descriptor-limit'])
  t.equal(socket.ordinaryBytes, text(0, 10))
})

t.test('plain TCP: no thread for a queue', async (t) => {
  const { binding, socket, observed, range, write, queue } = setUp(t, 'tcp')
  binding.tcpQueues.push(queue)
  queue.answers.push(-EAGAIN)
  t.equal(await write(range(0, 10)), undefined)
  t.strictSame(observed, ['descriptor-limit'])
  t.equal(socket.ordinaryBytes, text(0, 10))
  t.strictSame(queue.methods, ['sendRange', 'close'])
})

t.test('plain TCP: a socket that is closed sends nothing', async (t) => {
  for (const close of [
    (socket: FakeSocket) => (socket.destroyed = true),
    (socket: FakeSocket) => (socket._handle = null),
  ]) {
    const { binding, socket, observed, range, write } = setUp(t, 'tcp')
    close(socket)
    const sent = range(0, 10)
    t.equal(await write(sent), undefined)
    t.match(sent, { bytesSent: 0, remaining: 10 })
    t.equal(sent.file.closed, 1)
    t.equal(binding.count('openTcpQueue'), 0)
    t.strictSame(observed, [])
  }
})

t.test('plain TCP: destroyed while a range is under way, the queue is closed once', async (t) => {
  const { binding, socket, range, write, queue, deliver } = setUp(t, 'tcp')
  binding.tcpQueues.push(queue)
  queue.releasedAtOnce = false
  const sent = range(0, 1000)
  const done = write(sent)
  const [item] = queue.items
  socket.destroyed = true
  socket.resetAndClosing = true
  socket._destroy(null, ignore)
  t.strictSame(socket.events, [], 'a reset waits')
  deliver(Outcome.Released)
  t.strictSame(socket.events, ['closed'])
  binding.deliver([item, -constants.errno.ECANCELED, 600])
  t.equal(await done, undefined)
  t.strictSame(queue.methods, ['sendRange', 'close'])
  t.match(sent, { bytesSent: 600 })
})

t.test('plain TCP: truncated', async (t) => {
  const { binding, socket, range, write, queue, deliver } = setUp(t, 'tcp')
  binding.tcpQueues.push(queue)
  const done = write(range(0, 1000))
  deliver(-ENODATA, 10)
  t.match(await done, { code: 'ERR_KTLS_SOURCE_TRUNCATED' })
  t.strictSame(queue.methods, ['sendRange', 'close'])
  t.equal(socket.destroyed, false)
})
