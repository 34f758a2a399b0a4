// What npm does for the tests.

import { npmWords } from '../common/npm.mjs'
import { runChildForOutput } from './child-process.mjs'

/**
 * A script of package.json.
 *
 * @param {string} root
 * @param {string[]} words after `npm run`
 * @param {number} timeoutMs
 */
export function npmRun(root, words, timeoutMs) {
  return npm(root, ['run', '--silent', ...words], timeoutMs)
}

/**
 * @param {string} folder
 * @param {string[]} words
 * @param {number} timeoutMs
 * @returns {Promise<{ succeeded: boolean, output: string }>}
 */
export async function npm(folder, words, timeoutMs) {
  const [command, ...args] = npmWords
  const { exitCode, output } = await runChildForOutput(command, [...args, ...words], { cwd: folder, timeoutMs })
  return { succeeded: exitCode === 0, output }
}
