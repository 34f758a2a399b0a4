// Folders that have packages of their own, so that the root's own install stays small.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { npm } from './npm.mjs'

const timeoutMs = 10 * 60_000

/**
 * Installs what is locked, unless it is there.
 *
 * @param {string} root the project's folder
 * @param {string} folder below it
 * @param {string[]} [flags] of `npm ci`
 * @throws {Error} with all that npm said
 */
export async function installPackages(root, folder, flags = []) {
  if (!(await isOlderThanLock(root, folder, 'node_modules/.package-lock.json'))) return
  await npmIn(root, folder, ['ci', ...flags])
}

/**
 * @param {string} root
 * @param {string} folder
 * @param {string[]} words
 * @throws {Error} with all that npm said
 */
export async function npmIn(root, folder, words) {
  const { succeeded, output } = await npm(join(root, folder), words, timeoutMs)
  if (!succeeded) throw new Error(`npm ${words.join(' ')} failed in ${folder}:\n${output}`)
}

/**
 * @param {string} root
 * @param {string} folder
 * @param {string} made a path below it
 */
export async function isOlderThanLock(root, folder, made) {
  return (await modifiedMs(join(root, folder, made))) < (await modifiedMs(join(root, folder, 'package-lock.json')))
}

/** @param {string} path */
async function modifiedMs(path) {
  try {
    return (await stat(path)).mtimeMs
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return 0
    throw error
  }
}
