// Programs of this machine: where they lie, what they write, and how they are ended.

import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const maxBuffer = 256 * 1024 * 1024

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<string>} its standard output; a failure rejects with what it wrote to standard error
 */
export async function run(command, args, options) {
  try {
    return (await execute(command, args, { maxBuffer, ...options })).stdout
  } catch (error) {
    const { stderr, message } = /** @type {Error & { stderr?: string }} */ (error)
    throw new Error(`${command} failed: ${stderr?.trim() || message}`, { cause: error })
  }
}

/**
 * @param {string} program
 * @returns {Promise<string | undefined>} where on the PATH it lies
 */
export async function findOnPath(program) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, program)
    if (folder && (await isExecutable(path))) return path
  }
  return undefined
}

/** @param {string} path */
async function isExecutable(path) {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

/**
 * Kills a process group; that it is gone already is as well.
 *
 * @param {number} leader
 */
export function killGroup(leader) {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error
  }
}

/** @param {string} message one line about something slow that is going on */
export function progress(message) {
  process.stderr.write(`ktls-pipe: ${message}\n`)
}
