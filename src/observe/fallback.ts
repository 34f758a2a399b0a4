import type { FallbackReason } from '../fallback-reason.js'
import { publishFallback } from './diagnostics.js'
import { remember } from './remembered.js'
import { countFallback } from './stats.js'

/** A transfer takes the ordinary path: counted, remembered for its destination, published. Never thrown, never warned. */
export function recordFallback(reason: FallbackReason, source: object, destination: object): void {
  countFallback(reason)
  remember(destination).fallbackReason = reason
  publishFallback(() => ({ reason, source, destination }))
}
