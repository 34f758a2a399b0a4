// What test/frameworks has to have installed: it keeps the root's own install small.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { npm } from './npm.mjs'

const timeoutMs = 10 * 60_000

/** The test file, below `test/`. */
export const frameworksTest = 'frameworks/frameworks.test.ts'

/**
 * @param {string} root
 * @throws {Error} with all that npm said
 */
export async function installFrameworks(root) {
  const folder = join(root, 'test', 'frameworks')
  if (
    (await modifiedMs(join(folder, 'node_modules/.package-lock.json'))) >=
    (await modifiedMs(join(folder, 'package-lock.json')))
  )
    return
  const { succeeded, output } = await npm(folder, ['ci', '--ignore-scripts'], timeoutMs)
  if (!succeeded) throw new Error(`npm ci failed in test/frameworks:\n${output}`)
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
