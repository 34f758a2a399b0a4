// Which test files run on which kernel with which version of Node.js.

import { kernels } from '../../kernel-vm/kernel-image.mjs'
import { nodeMajors } from '../../kernel-vm/node-versions.mjs'

const mainKernel = '6.12'
const mainNode = 20

/**
 * What `npm test` asks of the other kernels and of the other versions of Node.js; the main ones get every file. Paths
 * below `test/`, without ending.
 */
const chosen = {
  kernels: ['behaviour/example-routes', 'behaviour/nothing-short', 'kernel/*', 'native'],
  nodes: ['behaviour/example-routes', 'behaviour/keep-alive'],
}

/**
 * @typedef {object} KernelLine
 * @property {string} [kernel] this machine's if left out
 * @property {number} node
 * @property {readonly string[]} [only] patterns of files; all if left out
 */

/**
 * @param {import('./options.mjs').Options} options
 * @param {boolean} kernelTls whether this machine's kernel has TLS
 * @returns {KernelLine[]}
 */
export function kernelLines(options, kernelTls) {
  if (options.full) return product(pick(options.kernels, kernels), pick(options.nodes, nodeMajors))
  if (options.kernels.length > 0 || options.nodes.length > 0 || options.grep !== undefined) {
    return product(pick(options.kernels, [mainKernel]), pick(options.nodes, [mainNode]))
  }
  // The files that tap runs have run with kernel TLS then.
  if (kernelTls) return nodeMajors.filter((node) => !isRunning(node)).map((node) => ({ node, only: chosen.nodes }))
  return [
    { kernel: mainKernel, node: mainNode },
    ...kernels
      .filter((kernel) => kernel !== mainKernel)
      .map((kernel) => ({ kernel, node: mainNode, only: chosen.kernels })),
    ...nodeMajors.filter((node) => node !== mainNode).map((node) => ({ kernel: mainKernel, node, only: chosen.nodes })),
  ]
}

/** @param {number} node */
export function isRunning(node) {
  return process.versions.node.startsWith(`${node}.`)
}

/**
 * @template Item
 * @param {Item[]} asked
 * @param {Item[]} all
 */
function pick(asked, all) {
  return asked.length > 0 ? asked : all
}

/**
 * @param {string[]} kernels
 * @param {number[]} nodes
 */
function product(kernels, nodes) {
  return kernels.flatMap((kernel) => nodes.map((node) => ({ kernel, node })))
}

/**
 * @param {string[]} files paths below `test/`
 * @param {KernelLine} line
 * @throws when a pattern fits no file: a test that was renamed must not fall out of a line unnoticed
 */
export function filesOfLine(files, { only }) {
  if (!only) return files
  const unfit = only.find((pattern) => !files.some((file) => fits(file, pattern)))
  if (unfit !== undefined) throw new Error(`scripts/test/lines.mjs names ${unfit}, and there is no such test file`)
  return files.filter((file) => only.some((pattern) => fits(file, pattern)))
}

/**
 * @param {string} file
 * @param {string} pattern a path, or one that ends in `/*`
 */
function fits(file, pattern) {
  const name = file.replace(/\.test\.ts$/, '')
  return pattern.endsWith('/*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}
