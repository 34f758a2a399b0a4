// Child processes that do not outlive this one.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/** As `spawn`; the child is killed when this process exits, before files are removed that it may have open. */
export function startProcess(command, args, options) {
  const child = spawn(command, args, options)
  const kill = () => child.kill('SIGKILL')
  process.prependOnceListener('exit', kill)
  child.once('close', () => process.off('exit', kill))
  return child
}

/** Runs a command to its end. Resolves with stdout; rejects, with all that was printed, when the exit code is not 0. */
export async function run(command, args, options) {
  return (await runWithBothOutputs(command, args, options)).stdout
}

/** The same for a command whose stderr is wanted, too. */
export async function runWithBothOutputs(command, args, options = {}) {
  const child = startProcess(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  const [stdout, stderr, [exitCode, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  if (exitCode === 0) return { stdout, stderr }
  const end = signal ? `was ended by ${signal}` : `failed with exit code ${exitCode}`
  throw new Error(`${stdout}${stderr}\`${[command, ...args].join(' ')}\` ${end}.`)
}
