// What test/frameworks has to have installed: it keeps the root's own install small.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { npm } from './npm.mjs'

const timeoutMs = 10 * 60_000
const nextApp = 'next-app'

/** Below `test/`. */
export const frameworksFolder = 'frameworks/'
export const frameworksTest = `${frameworksFolder}frameworks.test.ts`

/**
 * @param {string} root
 * @throws {Error} with all that npm said
 */
export async function installFrameworks(root) {
  const folder = join(root, 'test', 'frameworks')
  const lockedMs = await modifiedMs(join(folder, 'package-lock.json'))
  const run = async (/** @type {string[]} */ words) => {
    const { succeeded, output } = await npm(folder, words, timeoutMs)
    if (!succeeded) throw new Error(`npm ${words.join(' ')} failed in test/frameworks:\n${output}`)
  }
  if ((await modifiedMs(join(folder, 'node_modules/.package-lock.json'))) < lockedMs) {
    await run(['ci', '--ignore-scripts'])
  }
  // Next.js serves what it has built, and building takes too long in an emulated machine.
  if ((await modifiedMs(join(folder, nextApp, '.next/BUILD_ID'))) < lockedMs) {
    await run(['exec', '--', 'next', 'build', nextApp, '--webpack'])
  }
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
