import type { Test } from 'tap'

/** As match(), of as many items as there are patterns: tap lets a list be longer. */
export function matchEach(t: Test, found: readonly unknown[], patterns: readonly unknown[], message = 'each'): void {
  t.equal(found.length, patterns.length, message)
  t.match(found, patterns, message)
}
