// What program-runner.mjs tells, turned into results.

import { failed, ProgramResults } from './program-results.mjs'

/**
 * Whatever else gets into the runner's output. If it has spoilt an event, the file of that is missed at the end.
 *
 * @param {string} line
 */
function parsed(line) {
  try {
    const event = JSON.parse(line)
    return typeof event === 'object' && event !== null ? event : undefined
  } catch {
    return undefined
  }
}

export class ProgramEvents {
  #onBegin
  #onEnd
  #mayBeEmpty
  /** @type {Set<string>} */
  #waiting
  /** @type {{ file: string, results: ProgramResults } | undefined} */
  #running
  #partialLine = ''
  #notes = ''

  /**
   * @param {object} options
   * @param {string[]} options.files in the order they run in
   * @param {(file: string) => void} options.onBegin
   * @param {(file: string, tally: import('./tap-tally.mjs').Tally, seconds: number, output: string) => void} options.onEnd
   * @param {boolean} options.mayBeEmpty
   */
  constructor({ files, onBegin, onEnd, mayBeEmpty }) {
    this.#waiting = new Set(files)
    this.#onBegin = onBegin
    this.#onEnd = onEnd
    this.#mayBeEmpty = mayBeEmpty
  }

  /** @param {string} text what the runner wrote to its standard output */
  write(text) {
    const lines = (this.#partialLine + text).split('\n')
    this.#partialLine = lines.pop() ?? ''
    for (const line of lines) {
      const event = parsed(line)
      if (event === undefined) this.#notes += `${line}\n`
      else this.#take(event)
    }
  }

  /** @param {string} text to its standard error */
  note(text) {
    this.#notes += text
  }

  /** @param {string} [problem] why the runner did not come to its end */
  finish(problem) {
    const reason = problem ?? 'the runner ended before it'
    if (this.#running) this.#end(this.#running.file, failed(`was cut off: ${reason}`), 0, this.#running.results.output)
    for (const file of this.#waiting) this.#end(file, failed(`was not run: ${reason}`), 0, this.#notes)
  }

  /** @param {any} event a ProgramEvent */
  #take(event) {
    if (event.begin !== undefined) {
      this.#running = { file: event.begin, results: new ProgramResults() }
      this.#onBegin(event.begin)
      return
    }
    if (!this.#running) throw new Error("the programs' runner speaks of no program")
    const { file, results } = this.#running
    if (event.stdout !== undefined) results.stdout(event.stdout)
    else if (event.stderr !== undefined) results.stderr(event.stderr)
    else this.#end(file, results.end(event, { mayBeEmpty: this.#mayBeEmpty }), event.seconds, results.output)
  }

  /**
   * @param {string} file
   * @param {import('./tap-tally.mjs').Tally} tally
   * @param {number} seconds
   * @param {string} output
   */
  #end(file, tally, seconds, output) {
    this.#running = undefined
    this.#waiting.delete(file)
    this.#onEnd(file, tally, seconds, output)
  }
}
