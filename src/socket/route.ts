import type { FallbackReason } from '../fallback-reason.js'
import type { NativeBinding } from '../native/binding.js'
import type { Mailbox } from '../native/mailbox.js'
import type { ChunkBatch, InternalSocket, WriteCallback } from '../node-internals.js'
import type { FileRange } from './file-range.js'
import { type BytesDestination, sendOrdinarily } from './ordinary-range.js'
import type { OrdinaryWrites } from './ordinary-writes.js'
import type { QueueWrites } from './queue-writes.js'

/** How often a range waits for what was written before it; more are needed only if somebody else writes natively. */
export const maximumAttempts = 8

/** What a route works with. */
export interface RouteParts {
  readonly socket: InternalSocket
  readonly binding: NativeBinding
  readonly mailbox: Mailbox
  readonly ordinary: OrdinaryWrites
}

/** How chunks and ranges leave a socket, one after another. */
export abstract class Route implements BytesDestination {
  protected readonly parts: RouteParts

  constructor(parts: RouteParts) {
    this.parts = parts
  }

  /** The native queue that is in use now. */
  abstract readonly queue: QueueWrites | undefined
  /** Plaintext that did not go through Node's handle. */
  abstract readonly bytesWrittenPastNode: number
  abstract writeChunks(chunks: ChunkBatch, callback: WriteCallback): void
  abstract sendRange(range: FileRange, callback: WriteCallback): void

  isGone(): boolean {
    return this.parts.socket.destroyed
  }

  write(chunk: Buffer, callback: WriteCallback): void {
    this.writeChunks([{ chunk, encoding: 'buffer' }], callback)
  }

  protected sendThrough(queue: QueueWrites, range: FileRange, callback: WriteCallback): void {
    if (!queue.sendRange(range, callback)) this.fallBack(range, 'descriptor-limit', callback)
  }

  /** What is left of a range is read, and written as any other bytes are. */
  protected fallBack(range: FileRange, reason: FallbackReason, callback: WriteCallback): void {
    range.observer.rangeFellBack(reason)
    sendOrdinarily(range, range.remaining, this, callback)
  }
}
