// Says on standard error what is going on: on a terminal in one line that is rewritten, elsewhere in a line per step.

const refreshMs = 1000

export class Progress {
  #stream
  #startedAt = performance.now()
  #step = ''
  #detail = ''
  /** @type {NodeJS.Timeout | undefined} */
  #timer

  /** @param {NodeJS.WriteStream} stream */
  constructor(stream) {
    this.#stream = stream
  }

  /** @param {string} text */
  step(text) {
    this.#step = text
    this.#detail = ''
    if (!this.#stream.isTTY) return void this.#stream.write(`${this.#line()}\n`)
    this.#timer ??= setInterval(() => this.#rewrite(), refreshMs).unref()
    this.#rewrite()
  }

  /** Within the step; only a terminal shows it. @param {string} text */
  detail(text) {
    this.#detail = `; ${text}`
    if (this.#timer) this.#rewrite()
  }

  /** Prints to standard output, above the line. @param {string} text */
  print(text) {
    this.#clear()
    process.stdout.write(`${text}\n`)
    if (this.#timer) this.#rewrite()
  }

  end() {
    this.#clear()
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #clear() {
    if (this.#timer) this.#stream.write('\r\x1b[K')
  }

  #rewrite() {
    this.#stream.write(`\r\x1b[K${this.#line().slice(0, this.#stream.columns - 1)}`)
  }

  #line() {
    const seconds = Math.round((performance.now() - this.#startedAt) / 1000)
    return `[${String(seconds).padStart(3)} s] ${this.#step}${this.#detail}`
  }
}
