import { AsyncLocalStorage, executionAsyncId } from 'node:async_hooks'
import { constants } from 'node:os'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { KtlsError } from '../../../src/errors.js'
import { Outcome } from '../../../src/native/binding.js'
import { Mailbox } from '../../../src/native/mailbox.js'
import type { ChunkBatch } from '../../../src/node-internals.js'
import { type FileRange, stopRange } from '../../../src/socket/file-range.js'
import { QueueWrites } from '../../../src/socket/queue-writes.js'
import { matchEach } from '../../support/match-each.js'
import { FakeBinding, FakeFile, FakeQueue } from '../fixtures/fake-binding.js'
import { asSocket, FakeSocket } from '../fixtures/fake-socket.js'

const { EAGAIN, EPIPE, ECANCELED, EIO, EMFILE, ENODATA } = constants.errno

function setUp() {
  const binding = new FakeBinding()
  const queue = new FakeQueue()
  const socket = new FakeSocket(true)
  const writes = new QueueWrites(asSocket(socket), 'tls', queue, new Mailbox(binding))
  const ends: (Error | null | undefined)[] = []
  const callback = (error?: Error | null) => ends.push(error)
  const observed: string[] = []
  const range = (offset: number, remaining: number): FileRange => ({
    file: new FakeFile(),
    offset,
    remaining,
    observer: {
      rangeOffloaded: (engine) => observed.push(engine),
      rangeFellBack: (reason) => observed.push(reason),
    },
    bytesSent: 0,
    bytesOffloaded: 0,
  })
  /** The last submission came to this. */
  const deliver = (outcome: number, bytesSent = 0) => binding.deliver([queue.items.at(-1), outcome, bytesSent])
  return { binding, queue, socket, writes, ends, callback, observed, range, deliver }
}

const batch: ChunkBatch = [
  { chunk: 'größe', encoding: 'utf8' },
  { chunk: 'ÿ', encoding: 'latin1' },
  { chunk: Buffer.from([1, 2]), encoding: 'buffer' },
  { chunk: '0aff', encoding: 'hex' },
]
const batchBytes = Buffer.concat([Buffer.from('größe'), Buffer.from([0xff, 1, 2, 0x0a, 0xff])])

t.test('write: chunks become bytes in their encodings, in one submission', async (t) => {
  const { queue, writes, callback, ends, deliver, socket } = setUp()
  writes.write(batch, callback)
  t.strictSame(queue.calls, [['sendBytes', batchBytes.toString('latin1')]])
  t.strictSame(ends, [], 'not before it is complete')
  t.equal(writes.bytesWritten, batchBytes.length, 'counted as soon as it is given, as in Node')
  deliver(Outcome.Complete, batchBytes.length)
  t.strictSame(ends, [undefined])
  t.equal(writes.bytesWritten, batchBytes.length)
  t.equal(socket.timerRefreshes, 2, 'when it was given and when it was complete')
})

t.test('write: what was complete at once is called back once, and not before write() has returned', async (t) => {
  const { binding, queue, writes, callback, ends, deliver, socket } = setUp()
  queue.answers.push(1)
  writes.write(batch, callback)
  t.strictSame(ends, [])
  await turn()
  deliver(Outcome.Complete, 1)
  t.strictSame(ends, [undefined])
  t.equal(writes.bytesWritten, batchBytes.length)
  t.equal(socket.timerRefreshes, 1)
  t.strictSame(binding.holds, [], 'there was nothing to be kept alive for')
})

t.test('write: nothing is not submitted', async (t) => {
  const { queue, writes, callback, ends } = setUp()
  writes.write([{ chunk: '', encoding: 'utf8' }], callback)
  writes.write([{ chunk: Buffer.alloc(0), encoding: 'buffer' }], callback)
  t.strictSame(queue.calls, [])
  t.strictSame(ends, [undefined, undefined])
})

t.test('write: a refusal and a later failure are errors, in the shape of a failed write', async (t) => {
  const { queue, writes, callback, ends, deliver } = setUp()
  queue.answers.push(-EPIPE)
  writes.write(batch, callback)
  await turn()
  writes.write(batch, callback)
  deliver(-ECANCELED)
  matchEach(t, ends, [
    { code: 'EPIPE', syscall: 'write', errno: -EPIPE },
    { code: 'ECANCELED', syscall: 'write' },
  ])
})

t.test('write: on a socket that was destroyed meanwhile it ends without an error of its own', async (t) => {
  const { queue, socket, writes, callback, ends, deliver } = setUp()
  writes.write(batch, callback)
  socket.destroyed = true
  deliver(-ECANCELED)
  queue.answers.push(-EPIPE)
  writes.write(batch, callback)
  await turn()
  t.strictSame(ends, [undefined, undefined])
})

t.test('write: -EAGAIN is a failure like others, for bytes have no other way', async (t) => {
  const { queue, writes, callback, ends } = setUp()
  queue.answers.push(-EAGAIN)
  writes.write(batch, callback)
  await turn()
  matchEach(t, ends, [{ code: 'EAGAIN' }])
})

/** Where each callback runs, however late the answer comes. */
function keepsContext(
  t: Test,
  name: string,
  submit: (fixture: ReturnType<typeof setUp>, callback: () => void) => void,
) {
  t.test(`${name}: the callback runs in the async context of whoever wrote`, async (t) => {
    const storage = new AsyncLocalStorage<string>()
    const fixture = setUp()
    const seen: unknown[] = []
    const outside = executionAsyncId()
    storage.run('writer', () => submit(fixture, () => seen.push(storage.getStore(), executionAsyncId() !== outside)))
    storage.run('someone else', () => fixture.deliver(Outcome.Complete, 1))
    t.strictSame(seen, ['writer', true])
  })
}
keepsContext(t, 'write', ({ writes }, callback) => writes.write(batch, callback))
keepsContext(t, 'sendRange', ({ writes, range }, callback) => writes.sendRange(range(0, 1), callback))
keepsContext(t, 'sendCloseNotify', ({ writes }, callback) => writes.sendCloseNotify(callback))

t.test('bytesWritten: of a range under way what the kernel has taken, and nothing twice', async (t) => {
  const { queue, writes, callback, range, deliver } = setUp()
  queue.sent = 500
  writes.sendRange(range(0, 10_000), callback)
  t.equal(writes.bytesWritten, 0)
  queue.sent += 7000
  t.equal(writes.bytesWritten, 7000)
  deliver(-ECANCELED, 7000)
  t.equal(writes.bytesWritten, 7000)
  queue.answers.push(-EMFILE)
  t.equal(writes.sendRange(range(0, 10), callback), false)
  queue.sent += 24
  writes.write(batch, callback)
  t.equal(writes.bytesWritten, 7000 + batchBytes.length)
})

t.test('hasAdvanced: since it began or was asked the last time, while something is under way', async (t) => {
  const { queue, writes, callback, range, deliver } = setUp()
  queue.sent = 1000
  t.equal(writes.hasAdvanced(), false, 'nothing is under way')
  for (const send of [() => writes.sendRange(range(0, 10_000), callback), () => writes.write(batch, callback)]) {
    queue.sent += 10
    send()
    t.equal(writes.hasAdvanced(), false, 'that was before')
    queue.sent += 1
    t.equal(writes.hasAdvanced(), true)
    t.equal(writes.hasAdvanced(), false, 'it stands still')
    queue.sent += 1
    deliver(Outcome.Complete, 10_000)
    t.equal(writes.hasAdvanced(), false, 'it is over')
  }
  queue.answers.push(1)
  writes.write(batch, callback)
  queue.sent += 1
  t.equal(writes.hasAdvanced(), false, 'it was complete at once')
  queue.answers.push(1)
  writes.sendRange(range(0, 10), callback)
  queue.sent += 1
  t.equal(writes.hasAdvanced(), false, 'a range as well')
  writes.sendRange(range(0, 10_000), callback)
  queue.sent += 1
  t.equal(writes.hasAdvanced(), true, 'and the next one is under way')
})

t.test(
  'sendRange: progress is told four times within the shortest idle timer, a connection below included',
  async (t) => {
    const { queue, writes, socket, callback, range, deliver } = setUp()
    for (const [own, below, progressMs] of [
      [0, 0, 0],
      [0, 400, 100],
      [800, 400, 100],
      [800, 0, 200],
      [2, undefined, 1],
    ] as const) {
      Object.assign(socket, { timeout: own, _parent: below === undefined ? null : { timeout: below } })
      writes.sendRange(range(0, 10_000), callback)
      t.equal(queue.calls.at(-1)?.[4], progressMs, `${own} and ${below}`)
      deliver(Outcome.Complete, 10_000)
    }
  },
)

t.test('sendRange: what is wrong with the file is told as a failed read', async (t) => {
  const { writes, callback, ends, range, deliver } = setUp()
  writes.sendRange(range(0, 10_000), callback)
  deliver(-EIO, 4096)
  matchEach(t, ends, [{ code: 'EIO', errno: -EIO, syscall: 'read', message: 'EIO: i/o error, read' }])
  t.equal(writes.bytesWritten, 4096)
})

t.test('sendRange: hands over file, place and length, and counts what was sent', async (t) => {
  const { queue, writes, callback, ends, observed, range, deliver } = setUp()
  const sent = range(4096, 10_000)
  t.equal(writes.sendRange(sent, callback), true)
  t.strictSame(queue.calls, [['sendRange', sent.file, 4096, 10_000, 0, true]])
  t.equal(queue.calls[0]?.[1], sent.file)
  t.strictSame(observed, ['tls'])
  t.strictSame(ends, [])
  deliver(Outcome.Complete, 10_000)
  t.strictSame(ends, [undefined])
  t.match(sent, { offset: 14_096, remaining: 0, bytesSent: 10_000, bytesOffloaded: 10_000 })
  t.equal(writes.bytesWritten, 10_000)
})

t.test('sendRange: stopped, it is complete where it is, and what is not under way cannot be', async (t) => {
  const { queue, writes, callback, ends, range, deliver } = setUp()
  const stopped = range(4096, 10_000)
  writes.sendRange(stopped, callback)
  queue.calls.length = 0
  stopRange(stopped)
  t.strictSame(queue.calls, [['stopRange', queue.items.at(-1)]])
  t.strictSame(ends, [], 'the thread says how far that is')
  deliver(Outcome.Complete, 3000)
  t.strictSame(ends, [undefined])
  t.match(stopped, { offset: 7096, remaining: 7000, bytesSent: 3000, bytesOffloaded: 3000 })
  t.equal(writes.bytesWritten, 3000)
  stopRange(stopped)
  for (const answer of [-EMFILE, -EPIPE, 1]) {
    const over = range(0, 100)
    queue.answers.push(answer)
    writes.sendRange(over, callback)
    queue.calls.length = 0
    stopRange(over)
    t.strictSame(queue.calls, [], `answered ${answer}`)
  }
})

t.test('sendRange: what is small is sent at once, and then settled before the call returns', async (t) => {
  for (const [engine, most] of [
    ['tls', 64 * 1024],
    ['tcp', 256 * 1024],
  ] as const) {
    const { queue, socket, range, callback, ends, observed } = setUp()
    const writes = new QueueWrites(asSocket(socket), engine, queue, new Mailbox(new FakeBinding()))
    writes.sendRange(range(0, most + 1), callback)
    t.equal(queue.calls[0]?.[5], false, engine)
    t.strictSame(ends, [])
    queue.answers.push(1)
    const sent = range(7, most)
    const told: unknown[] = []
    t.equal(
      writes.sendRange(sent, (error) => told.push(error, [...observed])),
      true,
    )
    t.equal(queue.calls[1]?.[5], true, engine)
    t.strictSame(told, [undefined, [engine, engine]], 'after it was said that the kernel carries it')
    t.match(sent, { offset: 7 + most, remaining: 0, bytesSent: most, bytesOffloaded: most })
    t.equal(writes.bytesWritten, most)
  }
})

t.test('sendRange: what was sent at once is settled though a listener throws', async (t) => {
  const { queue, writes, range, callback, ends } = setUp()
  queue.answers.push(1)
  const observer = {
    rangeOffloaded() {
      throw new Error("a listener's")
    },
    rangeFellBack() {},
  }
  const sent = { ...range(0, 100), observer }
  t.throws(() => writes.sendRange(sent, callback), { message: "a listener's" })
  t.strictSame(ends, [undefined])
  t.equal(writes.bytesWritten, 100)
})

t.test('sendRange: what the queue has refused for good was not offloaded', async (t) => {
  const { queue, writes, range, callback, ends } = setUp()
  queue.answers.push(-constants.errno.EPIPE)
  const observer = { rangeOffloaded: () => t.fail('it was not'), rangeFellBack: () => t.fail('nor will it be sent') }
  t.equal(writes.sendRange({ ...range(0, 100), observer }, callback), true)
  matchEach(t, ends, [{ code: 'EPIPE' }])
})

t.test('sendRange: progress is asked for four times within the idle timeout, and refreshes its timer', async (t) => {
  for (const [timeout, progressMs] of [
    [0, 0],
    [1, 1],
    [4000, 1000],
    [4003, 1000],
  ] as const) {
    const { queue, socket, writes, callback, range } = setUp()
    socket.timeout = timeout
    writes.sendRange(range(0, 10), callback)
    t.equal(queue.calls[0]?.[4], progressMs, `timeout ${timeout}`)
  }
  const { socket, writes, callback, ends, range, deliver } = setUp()
  const sent = range(0, 100)
  writes.sendRange(sent, callback)
  const before = socket.timerRefreshes
  deliver(Outcome.Progress, 40)
  deliver(Outcome.Progress, 80)
  t.equal(socket.timerRefreshes, before + 2)
  t.strictSame(ends, [])
  t.match(sent, { bytesSent: 0, remaining: 100 }, 'counted once, at its end')
  deliver(Outcome.Complete, 100)
  t.match(sent, { bytesSent: 100, remaining: 0 })
  t.equal(socket.timerRefreshes, before + 3)
})

t.test('sendRange: -EAGAIN means that it must go another way, and leaves no trace', async (t) => {
  const { binding, queue, socket, writes, callback, ends, observed, range } = setUp()
  queue.answers.push(-EAGAIN)
  const sent = range(5, 100)
  t.equal(writes.sendRange(sent, callback), false)
  t.strictSame(ends, [])
  t.strictSame(observed, [])
  t.match(sent, { offset: 5, remaining: 100, bytesSent: 0, bytesOffloaded: 0 })
  t.equal(socket.timerRefreshes, 0)
  t.strictSame(binding.holds, [], 'there was nothing to be kept alive for')
})

// SocketQueue, Submitted: whatever kept a sender's thread from being started, nothing was sent.
t.test('sendRange: no descriptor or memory for a thread means the same', async (t) => {
  const { EMFILE, ENFILE, ENOMEM } = constants.errno
  for (const errno of [EMFILE, ENFILE, ENOMEM]) {
    const { queue, writes, callback, ends, observed, range } = setUp()
    queue.answers.push(-errno)
    t.equal(writes.sendRange(range(5, 100), callback), false)
    t.strictSame([ends, observed], [[], []])
  }
})

t.test('sendRange: a refusal for good is an error', async (t) => {
  const { queue, writes, callback, ends, range } = setUp()
  queue.answers.push(-EPIPE)
  t.equal(writes.sendRange(range(0, 100), callback), true)
  matchEach(t, ends, [{ code: 'EPIPE' }])
})

t.test('sendRange: a file that became shorter', async (t) => {
  const { writes, callback, ends, range, deliver } = setUp()
  const sent = range(100, 1000)
  writes.sendRange(sent, callback)
  deliver(-ENODATA, 300)
  t.ok(ends[0] instanceof KtlsError)
  matchEach(t, ends, [{ code: 'ERR_KTLS_SOURCE_TRUNCATED', message: /\b700 bytes\b/ }])
  t.match(sent, { offset: 400, remaining: 700, bytesSent: 300, bytesOffloaded: 300 })
})

t.test('sendRange: truncation is told even when the socket was destroyed', async (t) => {
  const { socket, writes, callback, ends, range, deliver } = setUp()
  writes.sendRange(range(0, 10), callback)
  socket.destroyed = true
  deliver(-ENODATA, 3)
  matchEach(t, ends, [{ code: 'ERR_KTLS_SOURCE_TRUNCATED' }])
})

t.test('sendRange: a failure half-way counts what was sent', async (t) => {
  const { writes, callback, ends, range, deliver } = setUp()
  const sent = range(0, 1000)
  writes.sendRange(sent, callback)
  deliver(-EPIPE, 250)
  matchEach(t, ends, [{ code: 'EPIPE' }])
  t.match(sent, { offset: 250, remaining: 750, bytesSent: 250 })
  t.equal(writes.bytesWritten, 250)
})

t.test('sendRange: on a socket that was destroyed meanwhile it ends without an error of its own', async (t) => {
  const { socket, writes, callback, ends, range, deliver } = setUp()
  writes.sendRange(range(0, 1000), callback)
  socket.destroyed = true
  deliver(-ECANCELED, 10)
  t.strictSame(ends, [undefined])
})

t.test('sendRange: before the loss of the connection that of a request hears what has come on it', async (t) => {
  const { writes, socket, callback, ends, range, deliver } = setUp()
  socket._httpMessage = {}
  writes.sendRange(range(0, 100), callback)
  t.equal(writes.isSendingRange, true)
  deliver(-EPIPE, 40)
  t.strictSame(ends, [])
  t.equal(writes.isSendingRange, true)
  socket.destroy() // at the end of its answer
  await turn()
  t.strictSame(ends, [undefined])
  t.equal(writes.isSendingRange, false)

  const lost = setUp()
  lost.socket._httpMessage = {}
  lost.writes.sendRange(lost.range(0, 100), lost.callback)
  lost.deliver(-EPIPE, 40)
  await turn()
  matchEach(t, lost.ends, [{ code: 'EPIPE' }], 'if nothing has come')

  const failed = setUp()
  failed.socket._httpMessage = {}
  failed.writes.sendRange(failed.range(0, 100), failed.callback)
  failed.deliver(-EIO, 40)
  matchEach(t, failed.ends, [{ code: 'EIO' }], 'that of a file is told at once')
})

t.test('sendRange: what a listener throws when it ends is uncaught in the context of whoever wrote', async (t) => {
  const { writes, range, deliver } = setUp()
  const contexts = new AsyncLocalStorage<string>()
  const { nextTick } = process
  const thrown: unknown[] = []
  process.nextTick = ((later: () => void) => {
    t.throws(later, { message: "the user's" })
    thrown.push(contexts.getStore())
  }) as typeof process.nextTick
  t.teardown(() => {
    process.nextTick = nextTick
  })
  contexts.run('of the request', () =>
    writes.sendRange(range(0, 100), () => {
      throw new Error("the user's")
    }),
  )
  deliver(Outcome.Complete, 100)
  process.nextTick = nextTick
  t.strictSame(thrown, ['of the request'])
})

t.test('sendCloseNotify: one alert record, in its turn, and the callback whatever becomes of it', async (t) => {
  for (const outcome of [Outcome.Complete, -EPIPE]) {
    const { queue, writes, ends, deliver } = setUp()
    writes.sendCloseNotify(() => ends.push(undefined))
    t.strictSame(queue.calls, [['sendControl', 21, [1, 0], false]])
    t.strictSame(ends, [])
    deliver(outcome)
    t.strictSame(ends, [undefined])
  }
  const { queue, writes, ends } = setUp()
  queue.answers.push(-EPIPE)
  writes.sendCloseNotify(() => ends.push(undefined))
  t.strictSame(ends, [undefined], 'refused at once')
})

t.test('close: says at once that no descriptor is open any more', async (t) => {
  const { binding, queue, writes } = setUp()
  let released = 0
  writes.close(false, () => released++)
  t.equal(released, 1)
  t.strictSame(queue.calls, [['close', false]])
  t.strictSame(binding.holds, [], 'there was nothing to be kept alive for')
})

t.test('close: or later, when a thread has let go', async (t) => {
  const { binding, queue, writes, deliver } = setUp()
  let released = 0
  queue.releasedAtOnce = false
  writes.close(true, () => released++)
  t.strictSame(queue.calls, [['close', true]])
  t.equal(released, 0)
  t.equal(binding.holds.at(-1), true)
  deliver(Outcome.Released)
  t.equal(released, 1)
  t.equal(binding.holds.at(-1), false)
})

t.test('close: the queue is closed once', async (t) => {
  const { queue, writes } = setUp()
  writes.close(true, () => {})
  writes.close(false, () => t.fail('of the second close nothing is heard'))
  t.strictSame(queue.calls, [['close', true]])
})

t.test('watchKey: told once, and the process does not stay alive for it', async (t) => {
  const { binding, queue, writes } = setUp()
  let spent = 0
  writes.watchKey(() => spent++)
  t.strictSame(binding.holds, [])
  binding.deliver([queue.keyItem, Outcome.KeySpent, 0], [queue.keyItem, Outcome.KeySpent, 0])
  t.equal(spent, 1)
})

t.test('watchKey: not told any more after close', async (t) => {
  const { binding, queue, writes } = setUp()
  writes.watchKey(() => t.fail('the socket is closed'))
  writes.close(false, () => {})
  binding.deliver([queue.keyItem, Outcome.KeySpent, 0])
  t.strictSame(binding.holds, [])
})
