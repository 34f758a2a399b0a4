// Which test files run on which kernel with which version of Node.js.

import { kernels } from '../../kernel-vm/kernel-image.mjs'
import { nodeMajors } from '../../kernel-vm/node-versions.mjs'
import { userModeKernel } from '../../kernel-vm/user-mode-machine.mjs'

const mainKernel = '6.12'
const mainNode = 20

/** What the list of test files calls the native test program; the others are paths below `test/`. */
export const nativeTests = 'native'

/** Every way a file is sent, by every version and cipher of TLS. */
const routesAndCiphers = ['behaviour/example-routes', 'behaviour/tls-socket']

const soak = 'soak/come-and-go'

/** What differs where the kernel can change its keys (Linux 6.14). */
const keyChanges = ['kernel/key-spent', 'kernel/key-update', 'kernel/keys-in-memory', 'kernel/on-the-wire']

/** Where the kernel and Node.js meet: what `npm run test:full` asks of every pair. */
const wherePairsMeet = [
  ...routesAndCiphers,
  ...keyChanges,
  'behaviour/keep-alive',
  'behaviour/zero-copy-pipe-only',
  'kernel/explicit-nonce',
  'kernel/session-proofs',
  'fidelity/connections',
  'fidelity/sockets',
]

/** What `npm test` asks of an emulated machine: several processors at once, and the ciphers of real ones. */
const emulated = [...routesAndCiphers, 'behaviour/zero-copy-pipe-only', nativeTests]

/** Likewise, of one kernel. */
const emulatedOnce = [
  'behaviour/client-side',
  'behaviour/ends',
  'behaviour/keep-alive',
  'behaviour/nothing-short',
  'fidelity/connections',
  'fidelity/sockets',
  'kernel/explicit-nonce',
  'kernel/session-proofs',
  soak,
]

/**
 * Every file runs in user-mode Linux, which is fast (or, where it cannot run, on the main kernel). These are what `npm test` asks of the others, and of the other
 * versions of Node.js. Paths below `test/`, without ending.
 */
const chosen = {
  /** Nowhere but in `npm run test:full`: a minute or more each. */
  fullOnly: [
    'behaviour/many',
    'kernel/key-update-storm',
    'kernel/faults',
    'frameworks/entries',
    'frameworks/frameworks',
  ],
  /** In `npm run test:full` with the main kernel and the main Node.js alone: a table tells of that pair. */
  mainPairOnly: ['frameworks/frameworks'],
  /** @type {Record<string, string[]>} */
  kernels: {
    6.1: emulated,
    6.12: [...emulated, ...emulatedOnce],
    6.18: [...emulated, ...keyChanges],
  },
  nodes: [...routesAndCiphers, 'behaviour/keep-alive'],
}

/**
 * @typedef {object} KernelLine
 * @property {string} [kernel] this machine's if left out
 * @property {number} node
 * @property {number} [soakSeconds] how long a soak lasts
 * @property {readonly string[]} [only] names of files; all if left out
 * @property {readonly string[]} [without] names of files that are left out
 */

/**
 * @param {import('./options.mjs').Options} options
 * @param {string} file path below `test/`
 * @returns {boolean} whether it is worth its time on this machine
 */
export function isForThisMachine({ full, grep }, file) {
  return full || grep !== undefined || !chosen.fullOnly.includes(file.replace('.test.ts', ''))
}

/**
 * @param {import('./options.mjs').Options} options
 * @param {boolean} userMode whether user-mode Linux runs here; else QEMU has to do what it would
 * @returns {KernelLine[]} in other kernels
 */
export function kernelLines(options, userMode) {
  const fast = userMode ? userModeKernel : mainKernel
  if (options.full) return fullLines(options, fast)
  if (options.kernels.length > 0 || options.nodes.length > 0 || options.grep !== undefined) {
    const pairs = product(pick(options.kernels, [fast]), pick(options.nodes, [mainNode]))
    return options.grep === undefined ? pairs.map((pair) => ({ ...pair, without: chosen.fullOnly })) : pairs
  }
  return [
    { kernel: fast, node: mainNode, without: chosen.fullOnly },
    ...kernels
      .filter((kernel) => kernel !== fast)
      .map((kernel) => ({ kernel, node: mainNode, only: chosen.kernels[kernel] })),
    ...nodeMajors.filter((node) => node !== mainNode).map((node) => ({ kernel: fast, node, only: chosen.nodes })),
  ]
}

/**
 * Every file on every kernel, and with every Node.js on the fast one; of the other pairs, what can differ there alone.
 *
 * @param {import('./options.mjs').Options} options
 * @param {string} fast
 * @returns {KernelLine[]}
 */
function fullLines(options, fast) {
  const pairs = product(pick(options.kernels, [...new Set([fast, ...kernels])]), pick(options.nodes, nodeMajors))
  if (options.grep !== undefined) return pairs // of the files that were asked for nothing is left out
  return pairs.map((pair) => {
    if (pair.kernel !== fast && pair.node !== mainNode) return { ...pair, only: wherePairsMeet }
    return pair.kernel === mainKernel && pair.node === mainNode ? pair : { ...pair, without: chosen.mainPairOnly }
  })
}

/**
 * @param {boolean} kernelTls whether this machine's kernel has TLS
 * @returns {KernelLine[]} what lasts long, and costs little meanwhile
 */
export function soakLines(kernelTls) {
  const here = { node: Number.parseInt(process.versions.node, 10), only: [soak], soakSeconds: 30 * 60 }
  const inMachine = { kernel: mainKernel, node: mainNode, only: [soak], soakSeconds: 10 * 60 }
  return kernelTls ? [here] : [here, inMachine]
}

/**
 * On this machine, whose kernel has TLS. What tap runs on it has run with kernel TLS already, on the running Node.js.
 *
 * @param {import('./options.mjs').Options} options
 * @returns {KernelLine[]}
 */
export function linesHere({ nodes, suites, grep }) {
  if (nodes.length > 0) return nodes.map((node) => ({ node }))
  const own = suites.has('host') ? [] : [{ node: Number.parseInt(process.versions.node, 10) }]
  if (grep !== undefined) return own
  return [...own, ...nodeMajors.filter((node) => !isRunning(node)).map((node) => ({ node, only: chosen.nodes }))]
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
 * @throws when a chosen file is not there: a test that was renamed must not fall out of a line unnoticed
 */
export function filesOfLine(files, { node, only, without = [] }) {
  const left = without.map((name) => `${name}.test.ts`)
  if (!only) return files.filter((file) => !left.includes(file) && (file !== nativeTests || node === mainNode))
  const paths = only.map((name) => (name === nativeTests ? name : `${name}.test.ts`))
  const missing = paths.find((path) => !files.includes(path))
  if (missing !== undefined) throw new Error(`scripts/test/lines.mjs names ${missing}, and there is no such test file`)
  return paths
}
