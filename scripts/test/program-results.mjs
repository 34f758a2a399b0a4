// Judges a test program by what it wrote and how it ended. Nothing that went wrong may look like a success: a program
// that ends badly without a failed test has failed, and so has one without tests.

import { runChild } from './child-process.mjs'
import { readTap, Tally } from './tap-tally.mjs'

const outputKept = 64 * 1024

export class ProgramResults {
  #tap = readTap()
  #stderr = ''

  /** @param {string} text */
  stdout(text) {
    this.#tap.write(text)
  }

  /** @param {string} text */
  stderr(text) {
    this.#stderr = (this.#stderr + text).slice(-outputKept)
  }

  /** What it wrote beside its results. */
  get output() {
    return this.#stderr
  }

  /**
   * @param {import('./child-process.mjs').Ended} ended
   * @param {{ mayBeEmpty?: boolean }} [options]
   */
  end(ended, { mayBeEmpty = false } = {}) {
    return judge(this.#tap.end(), ended, mayBeEmpty)
  }
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, timeoutMs: number }} options
 * @returns {Promise<{ tally: Tally, output: string }>} its results, and what it wrote beside them
 */
export async function runTestProgram(command, args, options) {
  const results = new ProgramResults()
  const ended = await runChild(command, args, {
    ...options,
    onStdout: (text) => results.stdout(text),
    onStderr: (text) => results.stderr(text),
  })
  return { tally: results.end(ended), output: results.output }
}

/**
 * @param {Tally} tally
 * @param {import('./child-process.mjs').Ended} ended
 * @param {boolean} mayBeEmpty
 */
export function judge(tally, { exitCode, signal, timedOut }, mayBeEmpty = false) {
  if (timedOut) tally.fail('took too long, and was ended')
  else if (signal) tally.fail(`was ended by ${signal}`)
  else if (exitCode !== 0 && tally.failures.length === 0) tally.fail(`failed with exit code ${exitCode}`)
  else if (tally.count === 0 && !mayBeEmpty) tally.fail('ran no tests')
  return tally
}

export function passed() {
  const tally = new Tally()
  tally.passed++
  return tally
}

/** @param {string} name */
export function failed(name) {
  const tally = new Tally()
  tally.fail(name)
  return tally
}
