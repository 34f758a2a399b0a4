import type { Test } from 'tap'

/** Random numbers from a seed that is printed, and can be given as SEED to see a failure again. */
export class SeededRandom {
  #state: number

  static of(t: Test): SeededRandom {
    const seed = Number(process.env.SEED || Math.floor(Math.random() * 2 ** 32))
    t.comment(`SEED=${seed}`)
    return new SeededRandom(seed)
  }

  private constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** Others, of what goes on at the same time: theirs do not depend on who is first. */
  fork(): SeededRandom {
    return new SeededRandom(this.integer(0, 2 ** 32 - 1))
  }

  /** A whole number from `from` to `to`, both included. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.#next() * (to - from + 1))
  }

  pick<T>(from: readonly T[]): T {
    return from[this.integer(0, from.length - 1)] as T
  }

  // mulberry32
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
