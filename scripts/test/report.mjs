// What the test command prints: a line for each test file as it ends, each failure in full, and at the end what ran,
// what was skipped and why, what failed, and the count.

import { inspect } from 'node:util'

const outputKept = 8192

/**
 * @typedef {object} Line a suite on one kernel and one version of Node.js
 * @property {string} name
 * @property {number} files
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {number} seconds
 * @property {string[]} failures
 */

export class Report {
  #print
  /** @type {Line[]} */
  #lines = []
  /** @type {Map<string, Map<string, number>>} */
  #skips = new Map()
  #todos = 0

  /** @param {(text: string) => void} print */
  constructor(print) {
    this.#print = print
  }

  get failed() {
    return this.#lines.reduce((sum, line) => sum + line.failed, 0)
  }

  get passed() {
    return this.#lines.reduce((sum, line) => sum + line.passed, 0)
  }

  /** @param {string} name */
  beginLine(name) {
    /** @type {Line} */
    const line = { name, files: 0, passed: 0, failed: 0, skipped: 0, seconds: 0, failures: [] }
    this.#lines.push(line)
    const startedAt = performance.now()
    return {
      get failed() {
        return line.failed
      },
      outcome: line,
      /** @type {(file: string, tally: import('./tap-tally.mjs').Tally, seconds: number, output?: string) => void} */
      add: (file, tally, seconds, output = '') => this.#add(line, file, tally, seconds, output),
      /** Output that belongs to none of the files, of a line with failures. @param {string} output */
      note: (output) => {
        if (line.failed > 0 && output.trim()) this.#printOutput(output)
      },
      end: () => {
        line.seconds = (performance.now() - startedAt) / 1000
      },
    }
  }

  /**
   * @param {Line} line
   * @param {string} file
   * @param {import('./tap-tally.mjs').Tally} tally
   * @param {number} seconds
   * @param {string} output what the program wrote beside its results
   */
  #add(line, file, { passed, failures, skips, todos }, seconds, output) {
    line.files++
    line.passed += passed
    line.failed += failures.length
    line.skipped += skips.length
    this.#todos += todos
    const mark = failures.length > 0 ? 'not ok' : 'ok    '
    const result = `${counts(passed, failures.length, skips.length)}  ${seconds.toFixed(1)} s`
    this.#print(`${mark}  ${line.name}  ${file}  ${result}`)
    for (const { name, reason } of skips) this.#noteSkip(reason, `${line.name}: ${file} > ${name}`)
    for (const failure of failures) {
      line.failures.push(`${file} > ${failure.name}`)
      this.#print(indent(describe(failure), 8))
    }
    if (failures.length > 0 && output.trim()) this.#printOutput(output)
  }

  /** @param {string} output */
  #printOutput(output) {
    this.#print(indent(`it wrote:\n${indent(output.slice(-outputKept), 2)}`, 8))
  }

  /**
   * @param {string} reason
   * @param {string} test
   */
  #noteSkip(reason, test) {
    const tests = this.#skips.get(reason) ?? new Map()
    this.#skips.set(reason, tests.set(test, (tests.get(test) ?? 0) + 1))
  }

  /** @param {string[]} remarks */
  finish(remarks) {
    this.#print('\nWhat ran')
    for (const { name, files, passed, failed, skipped, seconds } of this.#lines) {
      this.#print(`  ${name.padEnd(44)} ${files} files  ${counts(passed, failed, skipped)}  ${seconds.toFixed(0)} s`)
    }
    for (const [reason, tests] of this.#skips) {
      this.#print(`\nSkipped: ${reason}`)
      for (const test of tests.keys()) this.#print(`  ${test}`)
    }
    if (this.#todos > 0) this.#print(`\n${this.#todos} marked as to do`)
    if (this.failed > 0) this.#print('\nFailed')
    for (const { name, failures } of this.#lines) {
      for (const failure of failures) this.#print(`  ${name}: ${failure}`)
    }
    if (remarks.length > 0) this.#print('')
    for (const remark of remarks) this.#print(remark)
    this.#print(`\n${this.passed} passed, ${this.failed} failed`)
  }
}

/**
 * @param {number} passed
 * @param {number} failed
 * @param {number} skipped
 */
function counts(passed, failed, skipped) {
  return [`${passed} passed`, ...(failed ? [`${failed} failed`] : []), ...(skipped ? [`${skipped} skipped`] : [])].join(
    ', ',
  )
}

/** Frames of tap itself, in the bundle of the test programs. */
const tapFrame = /^.*\/tap\.mjs:\d+:\d+\)?\n/gm

/** @param {import('./tap-tally.mjs').Failure} failure */
function describe({ name, diagnostics, comments }) {
  const details = Object.entries(diagnostics ?? {}).map(([key, value]) => {
    const text = typeof value === 'string' ? value.replace(tapFrame, '').trim() : undefined
    if (text?.includes('\n')) return `${key}:\n${indent(text, 2)}`
    return `${key}: ${text ?? inspect(value, { breakLength: 100, depth: 4 })}`
  })
  return [`not ok - ${name}`, ...[...details, ...comments].map((text) => indent(text, 2))].join('\n')
}

/**
 * @param {string} text
 * @param {number} width
 */
function indent(text, width) {
  return text.trimEnd().replace(/^/gm, ' '.repeat(width))
}
