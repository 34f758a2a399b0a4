import type { FallbackReason } from '../fallback-reason.js'
import type { Engine } from '../options.js'
import { sharedSlot } from '../shared-state.js'

/** Counters of the thread that asks, since it began. */
export interface Stats {
  /** `tracked`: TLS sockets whose hand-over was tried; of these, `kernel` were handed over and `refused` were not. */
  sessions: { tracked: number; kernel: number; refused: number }
  /** `tls`, `tcp`: transfers of which at least a part was offloaded, by engine, counted as they begin;
   * `active`: of which bytes are on their way at this moment. */
  transfers: { tls: number; tcp: number; failed: number; active: number }
  /** Bytes of files that were offloaded. */
  bytes: { tls: number; tcp: number }
  /** Transfers that took the ordinary path, wholly or in part, by the first reason of each. */
  fallbacks: Partial<Record<FallbackReason, number>>
}

const counters = sharedSlot<Stats>('stats', () => ({
  sessions: { tracked: 0, kernel: 0, refused: 0 },
  transfers: { tls: 0, tcp: 0, failed: 0, active: 0 },
  bytes: { tls: 0, tcp: 0 },
  fallbacks: {},
}))

/** A copy of this thread's counters. */
export function getStats(): Stats {
  return structuredClone(counters)
}

export function countSession(outcome: 'kernel' | 'refused'): void {
  counters.sessions.tracked++
  counters.sessions[outcome]++
}

export function countTransfer(outcome: Engine | 'failed'): void {
  counters.transfers[outcome]++
}

export function countActive(change: 1 | -1): void {
  counters.transfers.active += change
}

export function countBytes(engine: Engine, bytes: number): void {
  counters.bytes[engine] += bytes
}

export function countFallback(reason: FallbackReason): void {
  counters.fallbacks[reason] = (counters.fallbacks[reason] ?? 0) + 1
}
