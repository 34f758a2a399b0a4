// `npm test -- --results FILE`: notes what came of each kernel with each Node.js.

import { join, resolve } from 'node:path'
import { runInKernel } from '../../kernel-vm/run.mjs'
import { run } from '../common/programs.mjs'
import { host, readResults, withCell, writeResults } from '../compatibility/results.mjs'
import { failed as asFailed } from './program-results.mjs'

const timeoutMs = 3 * 60_000
const program = join(import.meta.dirname, 'print-support.mjs')

/**
 * @typedef {object} Run
 * @property {string} [kernel] this machine's if left out
 * @property {string} command the `node` that ran the tests
 * @property {number} files how many of them ran
 * @property {number} of how many there are
 */

/**
 * @param {import('./session.mjs').Session} session
 * @param {ReturnType<import('./report.mjs').Report['beginLine']>} line that has ended
 * @param {Run} run
 */
export async function noteCompatibility({ root, options }, line, { kernel, command, files, of }) {
  if (options.results === undefined) return
  const { passed, failed, skipped, failures } = line.outcome
  const outcome = { files, of, passed, failed, skipped, failures }
  try {
    const { kernel: release, node, openssl, kernelTls } = await supportIn(root, kernel, command)
    const measured = { kernel: kernel ?? host, release, date: new Date().toISOString().slice(0, 10) }
    const cell = { ...measured, node, openssl, asked: asked(options), ...outcome }
    const { ciphers, rekey } = kernelTls
    const path = resolve(options.results)
    writeResults(path, withCell(readResults(path), cell, { ...measured, ciphers, rekey }))
  } catch (error) {
    line.add(options.results, asFailed(String(error)), 0)
  }
}

/** @param {import('./options.mjs').Options} options */
function asked({ full, grep, test }) {
  const words = [full ? '--full' : '', grep && `--grep ${grep}`, test && `--test ${test}`]
  return words.filter(Boolean).join(' ')
}

/**
 * @param {string} root
 * @param {string | undefined} kernel
 * @param {string} command
 * @returns {Promise<import('../../dist/index.js').SupportReport>}
 */
async function supportIn(root, kernel, command) {
  if (kernel === undefined) return JSON.parse(await run(command, [program], { cwd: root }))
  const { exitCode, stdout, stderr } = await runInKernel({ kernel, command, args: [program], cwd: root, timeoutMs })
  if (exitCode !== 0) throw new Error(`Linux ${kernel} does not tell what it supports: ${stderr}`)
  return JSON.parse(stdout)
}
