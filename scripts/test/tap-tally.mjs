// Counts a TAP stream by its leaves: a test point that closes a subtest repeats what that has said, and counts only if it
// says something else.

import { Parser } from 'tap-parser'

/**
 * @typedef {object} Failure
 * @property {string} name
 * @property {Record<string, unknown>} [diagnostics]
 * @property {string[]} comments what the stream said before the first test point (a seed), and below this one
 */

/** What one test file, or one program, came to. */
export class Tally {
  passed = 0
  /** @type {Failure[]} */
  failures = []
  /** @type {{ name: string, reason: string }[]} */
  skips = []
  todos = 0

  get count() {
    return this.passed + this.failures.length + this.skips.length + this.todos
  }

  /**
   * @param {string} name
   * @param {Record<string, unknown>} [diagnostics]
   * @param {readonly string[]} [comments]
   */
  fail(name, diagnostics, comments = []) {
    const failure = { name, diagnostics, comments: [...comments] }
    this.failures.push(failure)
    return failure
  }

  /**
   * @param {string} name
   * @param {import('tap-parser').Result} result
   * @param {readonly string[]} comments
   */
  add(name, { ok, skip, todo, diag }, comments) {
    if (skip) this.skips.push({ name, reason: skip === true ? 'no reason given' : skip })
    else if (todo) this.todos++
    else if (ok) this.passed++
    else return this.fail(name, diag ?? undefined, comments)
    return undefined
  }
}

/**
 * @param {object} [sections] when the subtests at the top are test files
 * @param {(name: string) => void} sections.onBegin
 * @param {(name: string, tally: Tally, seconds: number) => void} sections.onEnd
 * @returns {{ write: (text: string) => void, end: () => Tally }} the tally has what stands outside of sections
 */
export function readTap(sections) {
  const tally = new Tally()
  const parser = new Parser()
  parser.on('bailout', (reason) => tally.fail(`Bail out! ${reason ?? ''}`))
  watch(parser, { path: [], before: () => [], tally, sections })
  return {
    write: (text) => void parser.write(text),
    end() {
      parser.end()
      return tally
    },
  }
}

/**
 * @param {Parser} parser
 * @param {object} place
 * @param {string[]} place.path the names of the subtests it is in
 * @param {() => string[]} place.before what these said first
 * @param {Tally} place.tally
 * @param {Parameters<typeof readTap>[0]} [place.sections]
 */
function watch(parser, { path, before, tally, sections }) {
  /** @type {string[]} */
  const saidFirst = []
  let hasResults = false
  /** @type {{ tally: Tally, countBefore: number, failuresBefore: number } | undefined} */
  let subtest
  /** @type {Failure | undefined} */
  let lastFailure
  const named = (/** @type {string} */ name) => [...path, name || 'without a name'].join(' > ')

  parser.on('child', (child) => {
    const own = sections ? new Tally() : tally
    subtest = { tally: own, countBefore: own.count, failuresBefore: own.failures.length }
    sections?.onBegin(child.name)
    watch(child, {
      path: sections ? [] : [...path, child.name],
      before: () => [...before(), ...saidFirst],
      tally: own,
    })
  })
  parser.on('assert', (result) => {
    const closed = result.closingTestPoint ? subtest : undefined
    const add = () => tally.add(named(result.name), result, [...before(), ...saidFirst])
    hasResults = true
    if (!closed) {
      lastFailure = add()
      return
    }
    subtest = undefined
    const isEmpty = tally.count === closed.countBefore
    const hasFailed = tally.failures.length > closed.failuresBefore
    if (sections) {
      if (!result.ok) closeSection(closed.tally, result)
      sections.onEnd(result.name, closed.tally, (result.time ?? 0) / 1000)
    } else if (isEmpty && result.ok && !result.skip && !result.todo) {
      lastFailure = tally.fail(`${named(result.name)} asserts nothing`)
    } else if (isEmpty || (!result.ok && !hasFailed)) {
      lastFailure = add()
    }
  })
  parser.on('comment', (text) => {
    if (/^# (Subtest|time=|\{ )/.test(text)) return
    const said = hasResults ? lastFailure?.comments : saidFirst
    said?.push(text.replace(/^# |\n$/g, ''))
  })
  parser.on('complete', (results) => {
    const errors = new Set(results.failures.map((failure) => failure.tapError))
    for (const error of errors) if (error) tally.fail(named(`malformed TAP: ${error}`))
  })
}

/**
 * The runner says how the file's process ended: with 1, if tests have failed.
 *
 * @param {Tally} tally
 * @param {import('tap-parser').Result} result
 */
function closeSection(tally, { name, diag }) {
  const { exitCode, signal } = diag ?? {}
  if (signal) tally.fail(`was ended by ${signal}`)
  else if (exitCode > 1 || (exitCode === 1 && tally.failures.length === 0))
    tally.fail(`failed with exit code ${exitCode}`)
  else if (tally.failures.length === 0) tally.fail(name, diag ?? undefined)
}
