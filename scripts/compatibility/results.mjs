// docs/compatibility.json: what came of the tests on each kernel with each Node.js. `npm test -- --results FILE` writes it,
// cell by cell as they end, and leaves those of other runs.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** The kernel of the machine itself. */
export const host = 'host'

/**
 * @typedef {object} Cell one kernel with one Node.js
 * @property {string} kernel as `npm run kernel` names it, or `host`
 * @property {string} release of that kernel
 * @property {string} node its version
 * @property {string} openssl
 * @property {string} date
 * @property {string} asked what narrowed the run: options of `npm test`
 * @property {number} files how many test files ran
 * @property {number} of how many there are
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {string[]} failures
 */

/**
 * @typedef {object} KernelTls of one kernel
 * @property {string} kernel
 * @property {string} release
 * @property {string} date
 * @property {{ version: string, cipher: string, available: boolean, error?: string }[]} ciphers
 * @property {boolean} rekey
 */

/** @typedef {{ cells: Cell[], kernels: KernelTls[] }} Results */

/**
 * @param {string} path
 * @returns {Results}
 */
export function readResults(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { cells: [], kernels: [] }
}

/**
 * @param {string} path
 * @param {Results} results
 */
export function writeResults(path, results) {
  writeFileSync(path, `${JSON.stringify(results, undefined, 2)}\n`)
}

/**
 * @param {Results} results
 * @param {Cell} cell takes the place of the one with its kernel and its major version of Node.js
 * @param {KernelTls} kernelTls of that kernel
 * @returns {Results}
 */
export function withCell({ cells, kernels }, cell, kernelTls) {
  const isOther = (/** @type {Cell} */ other) =>
    other.kernel !== cell.kernel || majorOf(other.node) !== majorOf(cell.node)
  return {
    cells: sorted([...cells.filter(isOther), cell], ({ kernel, node }) => `${kernel} ${majorOf(node)}`),
    kernels: sorted(
      [...kernels.filter(({ kernel }) => kernel !== kernelTls.kernel), kernelTls],
      ({ kernel }) => kernel,
    ),
  }
}

/** @param {string} version such as v20.19.0 */
export function majorOf(version) {
  return Number.parseInt(version.slice(1), 10)
}

/**
 * @template Item
 * @param {Item[]} items
 * @param {(item: Item) => string} key
 */
function sorted(items, key) {
  return items.sort((a, b) => key(a).localeCompare(key(b), 'en', { numeric: true }))
}
