// What the package brings a binary for: Node's names of a processor, Debian's, and the compiler's.

/**
 * @typedef {object} Target
 * @property {'x64' | 'arm64'} arch as in process.arch
 * @property {string} debian
 * @property {string} triplet
 */

/** @type {readonly Target[]} */
export const targets = [
  { arch: 'x64', debian: 'amd64', triplet: 'x86_64-linux-gnu' },
  { arch: 'arm64', debian: 'arm64', triplet: 'aarch64-linux-gnu' },
]

/**
 * The oldest C library that the binaries have to run with. Debian 11's headers are of 2.31, so that it is a test that
 * sees to it. Node 20 itself asks for 2.28.
 */
export const oldestGlibc = [2, 28]

/** Where node-gyp-build looks for it. @param {Target['arch']} arch */
export function prebuiltPath(arch) {
  return `native/prebuilds/linux-${arch}/ktls.glibc.node`
}
