import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { recordFallback } from '../../../src/observe/fallback.js'
import { rememberedState } from '../../../src/observe/remembered.js'
import { getStats } from '../../../src/observe/stats.js'

t.test('a fallback is counted, remembered for its destination and published', async (t) => {
  const [source, destination] = [{}, {}]
  const published: unknown[] = []
  const listen = (message: unknown) => published.push(message)
  subscribe('ktls-pipe:fallback', listen)
  t.teardown(() => unsubscribe('ktls-pipe:fallback', listen))

  recordFallback('source-empty', source, destination)
  t.strictSame(getStats().fallbacks, { 'source-empty': 1 })
  t.equal(rememberedState(destination)?.fallbackReason, 'source-empty')
  t.equal(rememberedState(source), undefined)
  t.strictSame(published, [], 'not in the middle of whatever goes on')
  await turn()
  t.strictSame(published, [{ reason: 'source-empty', source, destination }])

  recordFallback('http2', source, destination)
  t.strictSame(getStats().fallbacks, { 'source-empty': 1, http2: 1 })
  t.equal(rememberedState(destination)?.fallbackReason, 'http2', 'the last one')
})
