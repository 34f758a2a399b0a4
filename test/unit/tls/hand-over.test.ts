import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { constants } from 'node:os'
import t, { type Test } from 'tap'
import type { FallbackReason } from '../../../src/fallback-reason.js'
import { HandOverStatus } from '../../../src/native/binding.js'
import { attemptHandOver, kernelHasTls } from '../../../src/tls/hand-over.js'
import { FakeBinding, FakeQueue } from '../fixtures/fake-binding.js'
import { asSocket, fakeTlsSocket } from '../fixtures/fake-socket.js'
import { slot } from '../fixtures/slots.js'

const kernel = () => slot<{ askAgainAtMs: number }>('kernel tls')

function setUp(t: Test) {
  t.teardown(() => {
    kernel().askAgainAtMs = Number.NEGATIVE_INFINITY
  })
  const binding = new FakeBinding()
  const socket = fakeTlsSocket()
  return { binding, socket, attempt: () => attemptHandOver(binding, asSocket(socket)) }
}

t.test('done: the answer carries the queue', async (t) => {
  const { binding, socket, attempt } = setUp(t)
  const queue = new FakeQueue()
  binding.answerHandOver(HandOverStatus.Done, queue)
  t.strictSame(attempt(), { outcome: 'done', queue })
  t.strictSame(binding.calls, [['handOver', socket._handle, 77, socket.finished]])
})

t.test('to be tried again', async (t) => {
  const { binding, attempt } = setUp(t)
  binding.answerHandOver(HandOverStatus.ProofNeeded).answerHandOver(HandOverStatus.Busy)
  t.strictSame(attempt(), { outcome: 'proof-needed' })
  t.strictSame(attempt(), { outcome: 'busy' })
})

const refusals: [HandOverStatus, FallbackReason, lasting: boolean][] = [
  [HandOverStatus.SessionNotTracked, 'session-not-tracked', true],
  [HandOverStatus.SessionInconsistent, 'session-inconsistent', true],
  [HandOverStatus.SessionNotReady, 'session-not-ready', false],
  [HandOverStatus.SessionEnding, 'session-ending', true],
  [HandOverStatus.ProtocolUnsupported, 'protocol-unsupported', true],
  [HandOverStatus.CipherUnsupported, 'cipher-unsupported', true],
  [HandOverStatus.RecordSizeLimited, 'record-size-limited', true],
  [HandOverStatus.UlpRefused, 'kernel-tls-unavailable', true],
  [HandOverStatus.KeysRefused, 'kernel-refused', true],
  [HandOverStatus.DescriptorLimit, 'descriptor-limit', false],
  [99 as HandOverStatus, 'session-inconsistent', true],
  // It says 'done' but gives nothing to write to.
  [HandOverStatus.Done, 'session-inconsistent', true],
]

for (const [status, reason, lasting] of refusals) {
  t.test(`refused: ${HandOverStatus[status] ?? status} is ${reason}`, async (t) => {
    const { binding, attempt } = setUp(t)
    binding.answerHandOver(status, undefined, 13)
    t.strictSame(attempt(), { outcome: 'refused', reason, errno: 13, lasting })
  })
}

t.test('each status has been looked at', async (t) => {
  const statuses = Object.values(HandOverStatus).filter((value) => typeof value === 'number')
  const handled = new Set([HandOverStatus.ProofNeeded, HandOverStatus.Busy, ...refusals.map(([status]) => status)])
  t.strictSame(
    statuses.filter((status) => !handled.has(status)),
    [],
  )
})

/** Until the kernel is asked again. */
function passTime(t: Test) {
  const waitMs = kernel().askAgainAtMs - performance.now()
  t.ok(waitMs > 1000 && waitMs <= 60_000, `${waitMs} ms`)
  kernel().askAgainAtMs -= waitMs + 1
}

t.test('a kernel without TLS is not asked again for a while, and then it is', async (t) => {
  const { binding, attempt } = setUp(t)
  const unavailable = { outcome: 'refused', reason: 'kernel-tls-unavailable', errno: 0, lasting: false }
  binding.offersTls = false
  t.strictSame(attempt(), unavailable)
  t.equal(kernelHasTls(binding), false)
  t.equal(binding.asksForTls, 1)
  t.equal(binding.count('handOver'), 0)

  passTime(t)
  t.strictSame(attempt(), unavailable)
  t.equal(binding.asksForTls, 2)

  passTime(t)
  binding.offersTls = true
  binding.answerHandOver(HandOverStatus.Done, new FakeQueue())
  t.match(attempt(), { outcome: 'done' })
  t.equal(kernelHasTls(binding), true)
  t.equal(binding.asksForTls, 3, 'and no more')
})

t.test('a module that is taken away is noticed', async (t) => {
  const { binding, attempt } = setUp(t)
  t.equal(kernelHasTls(binding), true)
  binding.answerHandOver(HandOverStatus.UlpRefused, undefined, constants.errno.ENOENT)
  t.match(attempt(), { reason: 'kernel-tls-unavailable', errno: constants.errno.ENOENT, lasting: true })
  t.equal(kernelHasTls(binding), false)
  passTime(t)
  t.equal(kernelHasTls(binding), true)
})

t.test('a refusal of the keys says nothing about the kernel as a whole', async (t) => {
  const { binding, attempt } = setUp(t)
  binding.answerHandOver(HandOverStatus.KeysRefused, undefined, constants.errno.EINVAL)
  attempt()
  t.equal(kernelHasTls(binding), true)
})

t.test('bytes on their way, in the session or below it: busy, without asking', async (t) => {
  for (const where of ['session', 'connection', 'unknown'] as const) {
    const { binding, socket, attempt } = setUp(t)
    const handle = socket._handle as NonNullable<typeof socket._handle>
    if (where === 'session') handle.writeQueueSize = 1
    else if (where === 'connection' && handle._parent) handle._parent.writeQueueSize = 1
    else Reflect.deleteProperty(handle, '_parent')
    t.strictSame(attempt(), { outcome: 'busy' }, where)
    t.strictSame(binding.calls, [])
  }
})

t.test('before the handshake has ended there is nothing to hand over', async (t) => {
  const notReady = { outcome: 'refused', reason: 'session-not-ready', errno: 0, lasting: false }
  const unfinished = setUp(t)
  unfinished.socket.finished = undefined
  t.strictSame(unfinished.attempt(), notReady)
  t.strictSame(unfinished.binding.calls, [])
  const closed = setUp(t)
  closed.socket._handle = null
  t.strictSame(closed.attempt(), notReady)
  t.strictSame(closed.binding.calls, [])
})

t.test('in FIPS mode nothing is handed over', async (t) => {
  const { binding, socket, attempt } = setUp(t)
  const { getFips } = crypto
  crypto.getFips = () => 1
  syncBuiltinESMExports()
  t.teardown(() => {
    crypto.getFips = getFips
    syncBuiltinESMExports()
  })
  const refused = { outcome: 'refused', reason: 'fips-mode', errno: 0, lasting: true }
  t.strictSame(attempt(), refused)
  t.strictSame(binding.calls, [['giveSessionUp', socket._handle]], 'nor is its secret kept')
  socket._handle = null
  t.strictSame(attempt(), refused)
  t.equal(binding.calls.length, 1)
})
