import { type Channel, channel, tracingChannel } from 'node:diagnostics_channel'
import { debuglog } from 'node:util'
import type { FallbackReason } from '../fallback-reason.js'
import type { Engine } from '../options.js'
import { sharedSlot } from '../shared-state.js'

/** `ktls-pipe:session`: a TLS session was handed over to the kernel, or was refused for good. */
export interface SessionEvent {
  socket: object
  encryption: 'kernel' | 'userspace'
  reason?: FallbackReason
  /** Positive errno, where the kernel refused. */
  errno?: number
}

/** `ktls-pipe:fallback`: a transfer, or the rest of one, takes Node's ordinary path. */
export interface FallbackEvent {
  reason: FallbackReason
  source: object
  destination: object
}

/** `tracing:ktls-pipe:transfer:*` (start, asyncEnd, error): one offloaded transfer. */
export interface TransferEvent {
  engine: Engine
  source: object
  destination: object
  bytesSent: number
  error?: Error
}

/** All channels there are; `tracingChannel('ktls-pipe:transfer')` is how Node names the last three together. */
export const channelNames = {
  session: 'ktls-pipe:session',
  fallback: 'ktls-pipe:fallback',
  transferStart: 'tracing:ktls-pipe:transfer:start',
  transferEnd: 'tracing:ktls-pipe:transfer:asyncEnd',
  transferError: 'tracing:ktls-pipe:transfer:error',
} as const

const channels = { session: channel(channelNames.session), fallback: channel(channelNames.fallback) }
const transfer = tracingChannel<string, TransferEvent>('ktls-pipe:transfer')

/**
 * Payloads are built only when somebody listens. Much of it happens in the middle of a socket's write, where a subscriber
 * could write nothing: so they are told right after it.
 */
function publish<T extends object>(to: Channel, build: () => T): void {
  if (to.hasSubscribers) process.nextTick((message: T) => to.publish(message), build())
}

export const publishSession = (build: () => SessionEvent): void => publish(channels.session, build)
export const publishFallback = (build: () => FallbackEvent): void => publish(channels.fallback, build)
export const publishTransferStart = (build: () => TransferEvent): void => publish(transfer.start, build)
export const publishTransferEnd = (build: () => TransferEvent): void => publish(transfer.asyncEnd, build)
export const publishTransferError = (build: () => TransferEvent): void => publish(transfer.error, build)

/** NODE_DEBUG=ktls-pipe is one more subscriber of the same channels, so both always say the same. */
export function subscribeDebugLog(): void {
  const log = debuglog('ktls-pipe')
  if (!log.enabled) return
  sharedSlot('debug log', () => {
    channels.session.subscribe((message) => {
      const { encryption, reason, errno } = message as SessionEvent
      log('session: %s%s', encryption, reason ? ` (${reason}${errno ? `, errno ${errno}` : ''})` : '')
    })
    channels.fallback.subscribe((message) => log('fallback: %s', (message as FallbackEvent).reason))
    transfer.start.subscribe((message) => log('transfer: begun, engine %s', (message as TransferEvent).engine))
    transfer.asyncEnd.subscribe((message) => log('transfer: done, %d bytes', (message as TransferEvent).bytesSent))
    transfer.error.subscribe((message) => log('transfer: failed, %s', (message as TransferEvent).error?.message))
    return true
  })
}
