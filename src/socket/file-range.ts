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
}

const ranges = sharedSlot('ranges', () => createAttachment<FileRange>())

/**
 * A chunk that stands for a range: it counts as that many bytes in every queue it passes, and holds none. Should it ever
 * reach a write that does not know it, nothing is sent in its place, and `bytesSent` tells.
 */
export function createRangeChunk(range: FileRange): Buffer {
  const chunk = Buffer.alloc(0)
  Object.defineProperty(chunk, 'length', { value: range.remaining })
  ranges.set(chunk, range)
  return chunk
}

export function rangeOf(chunk: unknown): FileRange | undefined {
  return typeof chunk === 'object' && chunk !== null ? ranges.get(chunk) : undefined
}
