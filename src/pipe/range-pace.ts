import { sharedSlot } from '../shared-state.js'

const mebibyte = 2 ** 20

// Tests lower them, to have many borders in small files.
const limits = sharedSlot('limits', () => ({ firstBytes: 8 * mebibyte, largestBytes: 64 * mebibyte }))

// So long may a range take that has to be sent whole, and so long where there are many: bench large, 1 and 64 streams
// (docs/performance.md).
const wantedRangeMs = 50
const wantedRangeMsOfMany = 250
// And one that may end anywhere: bytesRead and the counters come from ends.
const wantedRangeMsIfStoppable = 2000

/** How often ranges end, whosever they are. */
export class BorderRate {
  #lastMs = Number.NEGATIVE_INFINITY
  #averageMs = 100

  /** A range has ended. */
  add(nowMs: number): void {
    this.#averageMs += (Math.min(nowMs - this.#lastMs, 100) - this.#averageMs) / 16
    this.#lastMs = nowMs
  }

  /** More than a hundred in a second. */
  get isHigh(): boolean {
    return this.#averageMs < 10
  }
}

const bordersOfThread = sharedSlot('range borders', () => new BorderRate())

/**
 * How much of a file goes as one range. At its end the transfer is decided anew; and if it has to be sent whole, pause,
 * unpipe, a second pipe and an abort wait for that, so it must come soon. Each costs the event loop a turn (0.1 to 0.2 ms),
 * so a fast connection, which would have hundreds in a second, gets larger ones, and so do connections that have hundreds
 * together, unless they are slow.
 */
export class RangePace {
  readonly #borders: BorderRate
  #maximumBytes = limits.firstBytes

  constructor(borders = bordersOfThread) {
    this.#borders = borders
  }

  get maximumBytes(): number {
    return this.#maximumBytes
  }

  /** A range has been sent, which could or could not have ended anywhere. */
  sent(bytes: number, isStoppable: boolean, beganMs: number, nowMs: number): void {
    this.#borders.add(nowMs)
    if (bytes < this.#maximumBytes) return // the last of its file: too small to tell
    const tookMs = nowMs - beganMs
    const wantedMs = isStoppable ? wantedRangeMsIfStoppable : this.#wantedMsIfWhole
    if (tookMs < wantedMs) this.#maximumBytes = Math.min(this.#maximumBytes * 2, limits.largestBytes)
    else if (tookMs > 2 * wantedMs) this.#maximumBytes = Math.max(this.#maximumBytes / 2, limits.firstBytes)
  }

  get #wantedMsIfWhole(): number {
    return this.#borders.isHigh ? wantedRangeMsOfMany : wantedRangeMs
  }
}
