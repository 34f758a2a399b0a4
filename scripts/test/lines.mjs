// Which test files run on which kernel with which version of Node.js.

import { emulatedKernels, isUserMode, userModeKernels } from '../../kernel-vm/kernels.mjs'
import { nodeMajors } from '../../kernel-vm/node-versions.mjs'

const mainKernel = '6.12'
/**
 * Every file runs on the first of these that runs here. User-mode Linux is fast; that of 6.12 has no room for the
 * registers of a processor with AMX, and runs on none.
 */
export const mainKernels = ['6.12-um', 'next-um', mainKernel]
/** Those that cannot change a session's keys, and those that can. Of each kind one runs every file in `npm run test:full`. */
const kinds = [
  ['6.12-um', '6.1-um', mainKernel],
  ['next-um', '6.18'],
]
const mainNode = 20
const otherNodes = nodeMajors.filter((node) => node !== mainNode)
const newestNode = Math.max(...nodeMajors)

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

/** What is asked of each emulated machine: several processors at once, and the ciphers of real ones. */
const emulated = [...routesAndCiphers, 'behaviour/zero-copy-pipe-only']

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
 * A page of a process in user-mode Linux is a mapping of its own on this machine, of which there are 65,530
 * (vm.max_map_count): with more than 250 MiB in scattered pages a process ends by SIGSEGV.
 */
const large = ['behaviour/many']
/** Reads all the memory of a process, which is so much from this Node.js on. */
const readsMemory = { file: 'kernel/keys-in-memory', largeFromNode: 24 }

/** A minute or more each, or with packages of their own to install: nowhere but in `npm run test:full`. */
const slow = [
  'behaviour/many',
  'browser/status-page',
  'examples/frameworks',
  'kernel/key-update-storm',
  'kernel/faults',
  'frameworks/entries',
  'frameworks/frameworks',
]

/** What is asked of the other kernels, and of the other versions of Node.js. Paths below `test/`, without ending. */
const chosen = {
  /** @type {Record<string, string[]>} */
  kernels: {
    6.1: emulated,
    6.12: [...emulated, ...emulatedOnce],
    6.18: [...emulated, ...keyChanges, nativeTests],
    'next-um': [...routesAndCiphers, ...keyChanges],
  },
  nodes: [...routesAndCiphers, 'behaviour/keep-alive'],
  /** Of Node.js that is still changing: a minor release has moved the bytes that a stream holds back. */
  newestNode: ['behaviour/stream-control', 'fidelity/sources', 'fidelity/streams', 'fidelity/wrappers'],
  /** In `npm run test:full`, of an emulated machine where another kernel of its kind runs every file. */
  emulated: [
    ...new Set([...emulated, ...emulatedOnce, ...wherePairsMeet, ...large, 'kernel/key-update-storm', 'kernel/faults']),
  ],
  /** A table tells of one kernel with the main Node.js alone. */
  elsewhere: ['frameworks/frameworks'],
}

/**
 * @typedef {object} KernelLine
 * @property {string} [kernel] this machine's if left out
 * @property {number} node
 * @property {number} [soakSeconds] how long a soak lasts
 * @property {readonly string[]} [only] names of files; all if left out
 * @property {readonly string[]} [without] names of files that are left out
 * @property {boolean} [coverage] what its programs reach is counted
 */

/**
 * @param {import('./options.mjs').Options} options
 * @param {string} file path below `test/`
 * @returns {boolean} whether it is worth its time on this machine
 */
export function isForThisMachine({ full, grep }, file) {
  return full || grep !== undefined || !slow.includes(file.replace('.test.ts', ''))
}

/**
 * @param {import('./options.mjs').Options} options
 * @returns {readonly string[]} the user-mode kernels that have lines of their own, if they run here
 */
export function userModeAsked({ full }) {
  return full ? userModeKernels : mainKernels.filter(isUserMode)
}

/**
 * @param {import('./options.mjs').Options} options
 * @param {readonly string[]} userMode which of the user-mode kernels run here; QEMU has to do what the others would
 * @returns {KernelLine[]} in other kernels
 */
export function kernelLines(options, userMode) {
  const running = [...emulatedKernels, ...userMode]
  const possible = mainKernels.filter((kernel) => running.includes(kernel))
  // All that is asked of the main kernel in `npm run test:full` takes hours in QEMU.
  const candidates = options.full ? possible.filter(isUserMode) : possible
  const main = /** @type {string} */ (candidates.find((kernel) => isAsked(options.kernels, kernel)) ?? possible[0])
  const others = running.filter((kernel) => kernel !== main)
  const pairs = product(pick(options.kernels, [main]), pick(options.nodes, [mainNode]))
  if (options.full) return fullLines(options, [main, ...others])
  if (options.grep !== undefined) return pairs // of the files that were asked for nothing is left out
  if (options.kernels.length > 0 || options.nodes.length > 0) return pairs.map((pair) => ({ ...pair, without: slow }))
  return [
    { kernel: main, node: mainNode, without: slow, coverage: true },
    ...others
      .filter((kernel) => kernel in chosen.kernels)
      .map((kernel) => ({ kernel, node: mainNode, only: filesChosen(kernel, main) })),
    ...otherNodes.map((node) => ({ kernel: main, node, only: filesForNode(node) })),
  ]
}

/**
 * @param {string} kernel
 * @param {string} main where every file runs: if that can change its keys, the other kind is to be seen as well
 */
function filesChosen(kernel, main) {
  const lacksOldKind = kernel === mainKernel && !main.startsWith(mainKernel)
  return [...chosen.kernels[kernel], ...(lacksOldKind ? keyChanges : [])]
}

/** @param {number} node one that is not the main one */
function filesForNode(node) {
  return node === newestNode ? [...chosen.nodes, ...chosen.newestNode] : chosen.nodes
}

/**
 * Every file on one kernel of each kind and wherever it is fast, on the main one with every Node.js; of the emulated machines
 * with other versions of Node.js, what can differ there alone.
 *
 * @param {import('./options.mjs').Options} options
 * @param {string[]} all kernels that run here, the main one first
 * @returns {KernelLine[]}
 */
function fullLines(options, all) {
  if (options.grep !== undefined) return product(pick(options.kernels, all), pick(options.nodes, nodeMajors))
  const [main, ...others] = all
  const emulatedOthers = others.filter((kernel) => emulatedKernels.includes(kernel))
  return [
    { kernel: main, node: mainNode, without: tooLarge(main, mainNode), coverage: true },
    ...others.map((kernel) => ({ kernel, node: mainNode, ...everythingOn(kernel, all) })),
    ...otherNodes.map((node) => ({ kernel: main, node, without: [...chosen.elsewhere, ...tooLarge(main, node)] })),
    ...product(emulatedOthers, otherNodes).map((pair) => ({ ...pair, only: wherePairsMeet })),
  ].filter(({ kernel, node }) => isAsked(options.kernels, kernel) && isAsked(options.nodes, node))
}

/**
 * Every file; of an emulated kernel, where another of its kind runs them all, what it adds.
 *
 * @param {string} kernel
 * @param {string[]} all
 */
function everythingOn(kernel, all) {
  const isFirst = kinds.some((kind) => kind.find((candidate) => all.includes(candidate)) === kernel)
  if (!isFirst && !isUserMode(kernel)) return { only: chosen.emulated }
  return { without: [...chosen.elsewhere, ...tooLarge(kernel, mainNode)] }
}

/**
 * @param {string} kernel
 * @param {number} node
 */
function tooLarge(kernel, node) {
  if (!isUserMode(kernel)) return []
  return node >= readsMemory.largeFromNode ? [...large, readsMemory.file] : large
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
  return [...own, ...nodeMajors.filter((node) => !isRunning(node)).map((node) => ({ node, only: filesForNode(node) }))]
}

/** @param {number} node */
export function isRunning(node) {
  return process.versions.node.startsWith(`${node}.`)
}

/**
 * @template Item
 * @param {Item[]} asked nothing is everything
 * @param {Item} item
 */
function isAsked(asked, item) {
  return asked.length === 0 || asked.includes(item)
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
