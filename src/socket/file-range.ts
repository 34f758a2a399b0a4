import { createAttachment } from '../attachment.js'
import type { FallbackReason } from '../fallback-reason.js'
import type { NativeFile } from '../native/binding.js'
import type { Engine } from '../options.js'
import { sharedSlot } from '../shared-state.js'

/** Who wants to know what becomes of a range. */
export interface RangeObserver {
  /** The kernel is about to carry bytes of it. */
  rangeOffloaded(engine: Engine): void
  /** The ordinary way carries it, wholly or in part. */
  rangeFellBack(reason: FallbackReason): void
  /** It cannot be completed; the connection is destroyed for that when `told` is called. */
  rangeFailed?(error: Error, told: () => void): void
}

/** A piece of a file on its way through a socket's Writable queue. It owns `file`. */
export interface FileRange {
  readonly file: NativeFile
  offset: number
  remaining: number
  readonly observer: RangeObserver
  /** Bytes of it that were sent, by whatever way. */
  bytesSent: number
  /** Of these, by the kernel. */
  bytesOffloaded: number
  /** What ended it early. */
  failure?: Error | undefined
  /** It has come out of the socket's queue, and nobody has put anything in its place. */
  reached?: boolean
  /** It goes no further than it has come: whoever carries it completes it there. */
  stopped?: boolean
  /** Of who is carrying it: told that it was stopped. */
  onStop?: (() => void) | undefined
}

/** Its source goes no further: paused, taken away, or read by others, too. */
export function stopRange(range: FileRange): void {
  range.stopped = true
  range.onStop?.()
}

/** Nothing more of it is to be sent. */
export function isOver(range: FileRange): boolean {
  return range.stopped || range.remaining === 0
}

const ranges = sharedSlot('ranges', () => createAttachment<FileRange>())

// As the chunks that a stream of a file reads.
const countedBytesAtMost = 64 * 1024

/**
 * A chunk that stands for a range. In every queue it passes it counts as a chunk of its file would, or as much as fills a
 * queue of `highWaterMark` bytes, so that 'drain' comes after it as without the package; and it holds nothing. Should it
 * ever reach a write that does not know it, nothing is sent in its place, and `bytesSent` tells.
 */
export function createRangeChunk(range: FileRange, highWaterMark = 0): Buffer {
  const chunk = Buffer.alloc(0)
  const length = Math.min(range.remaining, Math.max(countedBytesAtMost, highWaterMark))
  Object.defineProperty(chunk, 'length', { value: length })
  ranges.set(chunk, range)
  return chunk
}

/** What is still to be sent of the range that a chunk stands for. */
export function bytesOf(rangeChunk: Buffer): number {
  return rangeOf(rangeChunk)?.remaining ?? rangeChunk.length
}

export function rangeOf(chunk: unknown): FileRange | undefined {
  return typeof chunk === 'object' && chunk !== null ? ranges.get(chunk) : undefined
}
