// Child processes that do not outlive this one.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { text } from 'node:stream/consumers'

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set()

// Loaded before a workspace is made, whose files they may have open: so they end before these are removed.
process.prependListener('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A signal ends this process so that 'exit' is told, and ends what was started. */
export function exitOnSignals() {
  for (const signal of /** @type {const} */ (['SIGHUP', 'SIGINT', 'SIGTERM'])) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]))
  }
}

/**
 * As `spawn`; the child is killed when this process exits.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} options
 */
export function startProcess(command, args, options) {
  const child = spawn(command, args, options)
  running.add(child)
  child.once('close', () => running.delete(child))
  return child
}

/**
 * Runs a command to its end, whatever that is.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 */
export async function runToEnd(command, args, options = {}) {
  const child = startProcess(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [exitCode, signal]] = await Promise.all([
    text(/** @type {import('node:stream').Readable} */ (child.stdout)),
    text(/** @type {import('node:stream').Readable} */ (child.stderr)),
    once(child, 'close'),
  ])
  return { stdout, stderr, exitCode, signal }
}

/**
 * Runs a command that is to end well. Rejects, with all that was printed, when the exit code is not 0.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 */
export async function runWithBothOutputs(command, args, options) {
  const { stdout, stderr, exitCode, signal } = await runToEnd(command, args, options)
  if (exitCode === 0) return { stdout, stderr }
  const end = signal ? `was ended by ${signal}` : `failed with exit code ${exitCode}`
  throw new Error(`${stdout}${stderr}\`${[command, ...args].join(' ')}\` ${end}.`)
}

/**
 * The same for a command of which stdout alone is wanted.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 */
export async function run(command, args, options) {
  return (await runWithBothOutputs(command, args, options)).stdout
}
