// Runs npm: the one that runs this program.

import { runChild } from './child-process.mjs'

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
  let output = ''
  const keep = (/** @type {string} */ text) => {
    output += text
  }
  const [command, ...args] = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm']
  const { exitCode } = await runChild(command, [...args, ...words], {
    cwd: folder,
    timeoutMs,
    onStdout: keep,
    onStderr: keep,
  })
  return { succeeded: exitCode === 0, output }
}
