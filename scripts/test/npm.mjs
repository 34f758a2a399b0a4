// Runs a script of package.json, with the npm that runs this one.

import { runChild } from './child-process.mjs'

/** @returns {[string, ...string[]]} the command and its first arguments */
export function npmProgram() {
  return process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm']
}

/**
 * @param {string} root
 * @param {string[]} words after `npm run`
 * @param {number} timeoutMs
 * @returns {Promise<{ succeeded: boolean, output: string }>}
 */
export async function npmRun(root, words, timeoutMs) {
  let output = ''
  const keep = (/** @type {string} */ text) => {
    output += text
  }
  const [command, ...args] = npmProgram()
  const { exitCode } = await runChild(command, [...args, 'run', '--silent', ...words], {
    cwd: root,
    timeoutMs,
    onStdout: keep,
    onStderr: keep,
  })
  return { succeeded: exitCode === 0, output }
}
