import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { explainFallback, FALLBACK_REASONS, type FallbackReason } from '../../src/fallback-reason.js'
import { root } from './fixtures/child.js'

t.test('the list is frozen and names each reason once', async (t) => {
  t.ok(Object.isFrozen(FALLBACK_REASONS))
  t.throws(() => (FALLBACK_REASONS as FallbackReason[]).push('disabled'), TypeError)
  t.equal(new Set(FALLBACK_REASONS).size, FALLBACK_REASONS.length)
  for (const reason of FALLBACK_REASONS) t.match(reason, /^[a-z0-9]+(-[a-z0-9]+)*$/)
})

t.test('each reason is explained, in words of its own', async (t) => {
  const explanations = FALLBACK_REASONS.map(explainFallback)
  for (const [index, explanation] of explanations.entries()) {
    t.match(explanation, /^\S.{15,}[^.\s]$/, FALLBACK_REASONS[index] as string)
  }
  t.equal(new Set(explanations).size, explanations.length)
})

t.test('each reason is given somewhere', async (t) => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && file !== 'fallback-reason.ts')
    .map((file) => readFileSync(join(root, 'src', file), 'utf8'))
    .join('\n')
  for (const reason of FALLBACK_REASONS) t.ok(sources.includes(`'${reason}'`), reason)
})
