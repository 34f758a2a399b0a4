// Says what is going on: on a terminal one line that is rewritten and counts the seconds, elsewhere a line per step.

export class Progress {
  #stream
  #startedAt = Date.now()
  #text = ''
  #timer

  constructor(stream) {
    this.#stream = stream
  }

  step(text) {
    this.#text = text
    if (!this.#stream.isTTY) {
      this.#stream.write(`${this.#line()}\n`)
      return
    }
    this.#rewrite()
    this.#timer ??= setInterval(() => this.#rewrite(), 1000).unref()
  }

  /** Leaves the line free for other output. */
  end() {
    clearInterval(this.#timer)
    this.#timer = undefined
    if (this.#stream.isTTY) this.#stream.write('\r\x1b[K')
  }

  #rewrite() {
    this.#stream.write(`\r\x1b[K${this.#line().slice(0, this.#stream.columns - 1)}`)
  }

  #line() {
    const seconds = Math.round((Date.now() - this.#startedAt) / 1000)
    return `[${String(seconds).padStart(3)} s] ${this.#text}`
  }
}
