import type { FallbackReason } from 'ktls-pipe'
import type { Stage } from './stage.js'

/** What the package is to do with a case where it can offload at all. */
export type Expectation =
  /** Files go through the kernel, and nothing falls back. */
  | 'offloaded'
  /** Likewise, until something ends it: that its destination is gone may be told. */
  | 'cut'
  /** A part goes through the kernel, and for the rest there is a reason. */
  | { partly: FallbackReason }
  | { declined: FallbackReason }
  /** There is nothing that could be offloaded. */
  | 'nothing'
  /** It depends on who is first; if it is not offloaded there is a reason. */
  | 'either'
  /** Likewise, unless it is over before its turn has come. */
  | 'if at all'

export interface Case {
  /** What is seen: the same in every way. */
  play: (stage: Stage) => Promise<unknown>
  expect: Expectation
}

export type Cases = Record<string, Case>

export function played(expect: Expectation, play: (stage: Stage) => Promise<unknown>): Case {
  return { expect, play }
}
