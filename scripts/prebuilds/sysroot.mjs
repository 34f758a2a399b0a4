// The headers and libraries that a binary is built against, of an old Debian so that it runs on old systems.

import { unpackedTree } from '../../kernel-vm/debian/packages.mjs'

const release = 'bullseye'
const packages = ['libc6-dev', 'libstdc++-10-dev', 'libgcc-10-dev']

/**
 * @param {import('./targets.mjs').Target} target
 * @returns {Promise<string>} folder that stands for the root of the target's file system
 */
export async function sysroot({ debian }) {
  const options = { selfContained: true, architecture: debian }
  return await unpackedTree(`sysroot-${release}-${debian}`, release, packages, options)
}
