import t from 'tap'
import type { FallbackReason } from '../../../src/fallback-reason.js'
import type { Engine, Settings } from '../../../src/options.js'
import {
  type DestinationFacts,
  isTooSmall,
  planPipe,
  planRange,
  type RangeFacts,
  type SourceFacts,
  type SupportFacts,
} from '../../../src/pipe/transfer-plan.js'

const source: SourceFacts = { optedOut: false, unavailable: false, wrapped: false, customFs: false }
const destination: DestinationFacts = {
  optedOut: false,
  engine: 'tls',
  obstacle: undefined,
  momentaryObstacle: undefined,
}
const support: SupportFacts = {
  unsupported: undefined,
  kernelTlsUnavailable: false,
  settings: { disabled: false, minimumBytes: { tls: 1000, tcp: 500 }, threads: 0, logsFiles: false },
}
const maximumBytes = 8 * 2 ** 20
const range: RangeFacts = {
  shared: false,
  isRegularFile: true,
  offset: 0,
  bytesLeft: 5000,
  begun: false,
  maximumBytes,
}

const settings = (minimumBytes: Record<Engine, number | false>, disabled = false): Partial<SupportFacts> => ({
  settings: { disabled, minimumBytes, threads: 0, logsFiles: false },
})

interface Case {
  reason: FallbackReason
  source?: Partial<SourceFacts>
  destination?: Partial<DestinationFacts>
  support?: Partial<SupportFacts>
  range?: Partial<RangeFacts>
}

// In the order of precedence: whoever meets several gets the first.
const whenPiped: Case[] = [
  { reason: 'opted-out', source: { optedOut: true } },
  { reason: 'http2', destination: { obstacle: 'http2' } },
  { reason: 'source-unavailable', source: { unavailable: true } },
  { reason: 'source-custom-fs', source: { customFs: true } },
  { reason: 'source-wrapped', source: { wrapped: true } },
  { reason: 'addons-disabled', support: { unsupported: 'addons-disabled' } },
  { reason: 'disabled', support: settings({ tls: 1000, tcp: 500 }, true) },
  { reason: 'kernel-tls-unavailable', support: { kernelTlsUnavailable: true } },
]
const whenRead: Case[] = [
  ...whenPiped,
  { reason: 'response-corked', destination: { momentaryObstacle: 'response-corked' } },
  { reason: 'source-shared', range: { shared: true } },
  { reason: 'source-not-a-file', range: { isRegularFile: false } },
]

function merge(cases: Case[]) {
  const merged = { source, destination, support, range }
  // The first case last, so that its values stand.
  for (const one of [...cases].reverse()) {
    merged.source = { ...merged.source, ...one.source }
    merged.destination = { ...merged.destination, ...one.destination }
    merged.support = { ...merged.support, ...one.support }
    merged.range = { ...merged.range, ...one.range }
  }
  return merged
}

t.test('with nothing against it a transfer is offloaded', async (t) => {
  t.strictSame(planPipe(source, destination, support), { offload: true })
  t.strictSame(planRange(source, range, destination, support), { offload: true, length: 5000 })
})

for (const [index, one] of whenPiped.entries()) {
  t.test(`pipe: ${one.reason}, before whatever comes after it`, async (t) => {
    for (const cases of [[one], whenPiped.slice(index)]) {
      const facts = merge(cases)
      const expected = { offload: false, reason: one.reason }
      t.strictSame(planPipe(facts.source, facts.destination, facts.support), expected)
    }
  })
}

for (const [index, one] of whenRead.entries()) {
  t.test(`read: ${one.reason}, before whatever comes after it`, async (t) => {
    for (const cases of [[one], whenRead.slice(index)]) {
      const facts = merge(cases)
      const expected = { offload: false, reason: one.reason }
      t.strictSame(planRange(facts.source, facts.range, facts.destination, facts.support), expected)
    }
  })
}

t.test('the destination may be the one that opted out', async (t) => {
  const facts = { ...destination, optedOut: true, obstacle: 'http2' as const }
  t.strictSame(planPipe(source, facts, support), { offload: false, reason: 'opted-out' })
})

t.test('any obstacle of a destination is handed on as it is', async (t) => {
  for (const obstacle of ['socket-wrapped', 'response-without-body', 'destination-unavailable'] as const) {
    const plan = planPipe(source, { ...destination, obstacle }, support)
    t.strictSame(plan, { offload: false, reason: obstacle })
  }
})

t.test('what may pass by the time of reading does not speak against a pipe', async (t) => {
  const facts = { ...destination, momentaryObstacle: 'response-not-current' as const }
  t.strictSame(planPipe(source, facts, support), { offload: true })
})

t.test('each engine is switched off alone', async (t) => {
  const offload = (engine: Engine | undefined, minimumBytes: Record<Engine, number | false>) =>
    planPipe(source, { ...destination, engine }, { ...support, ...settings(minimumBytes) })
  const off = { offload: false, reason: 'disabled' }
  t.strictSame(offload('tls', { tls: false, tcp: 0 }), off)
  t.strictSame(offload('tcp', { tls: false, tcp: 0 }), { offload: true })
  t.strictSame(offload('tcp', { tls: 0, tcp: false }), off)
  t.strictSame(offload('tls', { tls: 0, tcp: false }), { offload: true })
  t.strictSame(offload(undefined, { tls: false, tcp: false }), { offload: true }, 'not known before it is connected')
})

t.test('a kernel without TLS matters to TLS only', async (t) => {
  const without = { ...support, kernelTlsUnavailable: true }
  t.strictSame(planPipe(source, { ...destination, engine: 'tcp' }, without), { offload: true })
  t.strictSame(planPipe(source, { ...destination, engine: undefined }, without), { offload: true })
})

t.test('too small: some bytes, but fewer than the minimum of the engine, if that is not switched off', async (t) => {
  const isSmall = (bytes: number, engine?: Engine, changed: Partial<Settings> = {}) =>
    isTooSmall(bytes, engine, { ...support.settings, ...changed })
  t.equal(isSmall(999, 'tls'), true)
  t.equal(isSmall(1000, 'tls'), false)
  t.equal(isSmall(999, 'tcp'), false)
  t.equal(isSmall(499, 'tcp'), true)
  t.equal(isSmall(499, undefined), true, 'for either engine')
  t.equal(isSmall(500, undefined), false, 'for one of them')
  t.equal(isSmall(499, undefined, { minimumBytes: { tls: 400, tcp: 500 } }), false, 'for the other')
  t.equal(isSmall(1, undefined, { minimumBytes: { tls: 400, tcp: false } }), false, 'one of them is switched off')
  t.equal(isSmall(0, 'tls'), false, 'at its end')
  t.equal(isSmall(-1, 'tls'), false)
  t.equal(isSmall(Infinity, 'tls'), false)
  t.equal(isSmall(1, 'tls', { disabled: true }), false)
  t.equal(isSmall(1, 'tls', { minimumBytes: { tls: false, tcp: 500 } }), false)
})

t.test('how much there must be: the threshold of the engine, and only at the beginning', async (t) => {
  const plan = (
    engine: Engine | undefined,
    bytesLeft: number,
    begun = false,
    minimum = support.settings.minimumBytes,
  ) =>
    planRange(source, { ...range, bytesLeft, begun }, { ...destination, engine }, { ...support, ...settings(minimum) })
  const below = { offload: false, reason: 'below-minimum-size' }
  t.strictSame(plan('tls', 999), below)
  t.strictSame(plan('tls', 1000), { offload: true, length: 1000 })
  t.strictSame(plan('tcp', 499), below)
  t.strictSame(plan('tcp', 500), { offload: true, length: 500 })
  t.strictSame(plan('tls', 1, true), { offload: true, length: 1 }, 'the rest follows, whatever its size')
  t.strictSame(plan(undefined, 499), below)
  t.strictSame(plan(undefined, 500), { offload: true, length: 500 })
  t.strictSame(plan('tls', 1, false, { tls: 0, tcp: 0 }), { offload: true, length: 1 })
})

t.test('with nothing left a transfer that has begun is over, another has nothing to offload', async (t) => {
  for (const bytesLeft of [0, -1, -5000]) {
    const fresh = planRange(source, { ...range, bytesLeft }, destination, support)
    t.strictSame(fresh, { offload: false, reason: 'source-empty' })
    const ended = planRange(source, { ...range, bytesLeft, begun: true }, destination, support)
    t.strictSame(ended, { offload: true, length: 0 })
  }
  const none = settings({ tls: 0, tcp: 0 })
  const plan = planRange(source, { ...range, bytesLeft: 0 }, destination, { ...support, ...none })
  t.strictSame(plan, { offload: false, reason: 'source-empty' }, 'even without a threshold')
})

t.test('a range is bounded', async (t) => {
  const length = (bytesLeft: number) => planRange(source, { ...range, bytesLeft }, destination, support)
  t.strictSame(length(maximumBytes - 1), { offload: true, length: maximumBytes - 1 })
  t.strictSame(length(maximumBytes), { offload: true, length: maximumBytes })
  t.strictSame(length(maximumBytes + 1), { offload: true, length: maximumBytes })
  t.strictSame(length(2 ** 40), { offload: true, length: maximumBytes })
})

t.test('facts are only read', async (t) => {
  const facts = [source, range, destination, support].map((object) => Object.freeze({ ...object }))
  const [frozenSource, frozenRange, frozenDestination, frozenSupport] = facts as [never, never, never, never]
  t.doesNotThrow(() => planRange(frozenSource, frozenRange, frozenDestination, frozenSupport))
})
