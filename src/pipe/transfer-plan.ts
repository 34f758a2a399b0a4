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
  /** The kernel has no TLS. */
  readonly kernelTlsUnavailable: boolean
  settings: Settings
}

export type TransferPlan = { offload: true } | { offload: false; reason: FallbackReason }

/**
 * Whether so few bytes are not worth it, so that nothing else need be asked: most files of most servers are small. None at
 * all may have another reason. Without an engine: whichever it will be. Pure.
 */
export function isTooSmall(bytes: number, engine: Engine | undefined, settings: Settings): boolean {
  if (engine === undefined) return isTooSmall(bytes, 'tls', settings) && isTooSmall(bytes, 'tcp', settings)
  const minimumBytes = settings.disabled ? false : settings.minimumBytes[engine]
  return minimumBytes !== false && bytes > 0 && bytes < minimumBytes
}

/** Decides about a pipe as it is made. Pure. */
export function planPipe(source: SourceFacts, destination: DestinationFacts, support: SupportFacts): TransferPlan {
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
  const plan = planPipe(source, destination, support)
  if (!plan.offload) return plan
  if (destination.momentaryObstacle !== undefined) return decline(destination.momentaryObstacle)
  if (range.shared) return decline('source-shared')
  if (!range.isRegularFile) return decline('source-not-a-file')
  if (range.bytesLeft <= 0) return decline('source-empty')
  if (!range.begun && isTooSmall(range.bytesLeft, destination.engine, support.settings))
    return decline('below-minimum-size')
  return { offload: true, length: Math.min(range.bytesLeft, range.maximumBytes) }
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
