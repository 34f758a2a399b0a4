import type { FallbackReason } from '../fallback-reason.js'
import type { Engine, Settings } from '../options.js'

/** What does not change while a source is piped, or what makes the whole transfer pointless. */
export interface SourceFacts {
  optedOut: boolean
  unavailable: boolean
  wrapped: boolean
  customFs: boolean
}

export interface DestinationFacts {
  optedOut: boolean
  /** Undefined while a client's socket is still to come. */
  engine: Engine | undefined
  /** Why it can take no range, now or later. */
  obstacle: FallbackReason | undefined
  /** Why it can take none at the moment. */
  momentaryObstacle: FallbackReason | undefined
}

export interface SupportFacts {
  /** Why this process can offload nothing. */
  unsupported: FallbackReason | undefined
  /** The kernel was asked for TLS a moment ago and has none. */
  kernelTlsUnavailable: boolean
  settings: Settings
}

export type TransferPlan = { offload: true } | { offload: false; reason: FallbackReason }

/** Decides about a pipe as it is made. `bytesAtMost`: what the source's `start` and `end` and the
 * destination's Content-Length leave of it. Pure. */
export function planPipe(
  source: SourceFacts,
  bytesAtMost: number,
  destination: DestinationFacts,
  support: SupportFacts,
): TransferPlan {
  const plan = planTransfer(source, destination, support)
  if (!plan.offload) return plan
  return bytesAtMost > 0 && isTooSmall(bytesAtMost, destination, support) ? decline('below-minimum-size') : plan
}

function planTransfer(source: SourceFacts, destination: DestinationFacts, support: SupportFacts): TransferPlan {
  if (source.optedOut || destination.optedOut) return decline('opted-out')
  if (destination.obstacle !== undefined) return decline(destination.obstacle)
  if (source.unavailable) return decline('source-unavailable')
  if (source.customFs) return decline('source-custom-fs')
  if (source.wrapped) return decline('source-wrapped')
  return planEngine(destination.engine, support)
}

/** What is true of a source at the moment it is asked for its next bytes. */
export interface Remainder {
  /** Another consumer, a listener, an encoding, or not flowing: the bytes must pass through it. */
  shared: boolean
  isRegularFile: boolean
  offset: number
  /** Up to the planned end. */
  bytesLeft: number
}

/** And of its transfer. */
export interface RangeFacts extends Remainder {
  /** A part of the transfer was offloaded already; the rest follows whatever its size. */
  begun: boolean
  /** Of one range. */
  maximumBytes: number
}

export type RangePlan = { offload: true; length: number } | { offload: false; reason: FallbackReason }

/** Decides about the next bytes of a transfer. Pure. A `length` of 0: all of it has been sent. */
export function planRange(
  source: SourceFacts,
  range: RangeFacts,
  destination: DestinationFacts,
  support: SupportFacts,
): RangePlan {
  // All has been sent: what has become of the destination since, such as a client that has left, is no reason any more.
  if (range.begun && !range.shared && range.isRegularFile && range.bytesLeft <= 0) {
    return { offload: true, length: 0 }
  }
  const plan = planTransfer(source, destination, support)
  if (!plan.offload) return plan
  if (destination.momentaryObstacle !== undefined) return decline(destination.momentaryObstacle)
  if (range.shared) return decline('source-shared')
  if (!range.isRegularFile) return decline('source-not-a-file')
  if (range.bytesLeft <= 0) return decline('source-empty')
  if (!range.begun && isTooSmall(range.bytesLeft, destination, support)) return decline('below-minimum-size')
  return { offload: true, length: Math.min(range.bytesLeft, range.maximumBytes) }
}

function isTooSmall(bytes: number, { engine }: DestinationFacts, { settings }: SupportFacts): boolean {
  const minimumBytes = engine === undefined ? false : settings.minimumBytes[engine]
  return minimumBytes !== false && bytes < minimumBytes
}

function planEngine(engine: Engine | undefined, support: SupportFacts): TransferPlan {
  if (support.unsupported !== undefined) return decline(support.unsupported)
  if (engine === undefined) return { offload: true }
  if (support.settings.disabled || support.settings.minimumBytes[engine] === false) return decline('disabled')
  if (engine === 'tls' && support.kernelTlsUnavailable) return decline('kernel-tls-unavailable')
  return { offload: true }
}

function decline(reason: FallbackReason): { offload: false; reason: FallbackReason } {
  return { offload: false, reason }
}
