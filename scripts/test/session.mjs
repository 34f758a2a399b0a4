// What all suites of one run of the test command share.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/**
 * @typedef {object} Session
 * @property {string} root the project's folder
 * @property {import('./options.mjs').Options} options
 * @property {import('./report.mjs').Report} report
 * @property {import('../common/progress.mjs').Progress} progress
 * @property {boolean} kernelTls whether this machine's kernel has TLS
 * @property {Record<string, string>} testEnv the environment of test files, beside what is there
 * @property {string} [coverageFolder] where programs write what they reach
 * @property {string[]} remarks what to say at the end
 */

/**
 * @param {string} root
 * @param {string} folder below `test`
 * @param {{ grep?: string }} options
 * @returns {string[]} paths from `test` on
 */
export function testFiles(root, folder, { grep = '' }) {
  const files = readdirSync(join(root, 'test', folder), { recursive: true, encoding: 'utf8' })
  return files
    .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules/'))
    .map((file) => `${folder}/${file}`)
    .filter((file) => file.includes(grep))
    .sort()
}
