// A child process with a process group of its own, so that what it started ends with it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { killGroup } from '../../kernel-vm/subprocess.mjs'

const closeTimeoutMs = 2000

/** @type {Set<number>} process groups that are to end when this process does */
const groups = new Set()
process.on('exit', () => {
  for (const pid of groups) killGroup(pid)
})

/**
 * @typedef {object} Ended
 * @property {number | null} exitCode
 * @property {NodeJS.Signals | null} signal
 * @property {boolean} timedOut
 */

/**
 * @param {string} command
 * @param {string[]} args
 * @param {object} options
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {number} options.timeoutMs
 * @param {(text: string) => void} options.onStdout
 * @param {(text: string) => void} options.onStderr
 * @returns {Promise<Ended>}
 */
export async function runChild(command, args, { cwd, env, timeoutMs, onStdout, onStderr }) {
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.setEncoding('utf8').on('data', onStdout)
  child.stderr.setEncoding('utf8').on('data', onStderr)
  const pid = child.pid
  if (pid === undefined) throw (await once(child, 'error'))[0]
  groups.add(pid)
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    killGroup(pid)
  }, timeoutMs)
  const closed = once(child, 'close')
  const [exitCode, signal] = await once(child, 'exit')
  clearTimeout(timer)
  killGroup(pid)
  groups.delete(pid)
  // What has left the group may hold the pipes open for as long as it lives.
  await Promise.race([closed, delay(closeTimeoutMs, undefined, { ref: false })])
  child.stdout.destroy()
  child.stderr.destroy()
  return { exitCode, signal, timedOut }
}

/**
 * The same, where all that it says is wanted at the end.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs: number }} options
 * @returns {Promise<Ended & { output: string }>}
 */
export async function runChildForOutput(command, args, options) {
  let output = ''
  const keep = (/** @type {string} */ text) => {
    output += text
  }
  const ended = await runChild(command, args, { ...options, onStdout: keep, onStderr: keep })
  return { ...ended, output }
}
