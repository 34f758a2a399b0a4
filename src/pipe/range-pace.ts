import { sharedSlot } from '../shared-state.js'

const mebibyte = 2 ** 20

// Tests lower them, to have many borders in small files.
const limits = sharedSlot('limits', () => ({ firstBytes: 8 * mebibyte, largestBytes: 64 * mebibyte }))

const shortMs = 10

/**
 * How much of a file goes as one range. Pause, unpipe, a second pipe and an abort take effect at a range's end, so it must
 * come soon; and each costs the event loop a turn, so a fast connection, which would have hundreds in a second, gets
 * larger ones.
 */
export class RangePace {
  #maximumBytes = limits.firstBytes

  get maximumBytes(): number {
    return this.#maximumBytes
  }

  /** A range has been sent, in so long. */
  sent(bytes: number, tookMs: number): void {
    if (bytes < this.#maximumBytes) return // the last of its file: too small to tell
    if (tookMs < shortMs) this.#maximumBytes = Math.min(this.#maximumBytes * 2, limits.largestBytes)
    else if (tookMs > 2 * shortMs) this.#maximumBytes = Math.max(this.#maximumBytes / 2, limits.firstBytes)
  }
}
