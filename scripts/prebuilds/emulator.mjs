// Programs for arm64 on this machine: QEMU's emulation of a process, with the libraries of a Debian that has OpenSSL 3.

import { unpackedTree } from '../../kernel-vm/debian/packages.mjs'
import { debianTool } from '../../kernel-vm/debian/tool.mjs'

const release = 'bookworm'
const packages = ['libc6', 'libstdc++6', 'libssl3']

/**
 * @param {import('./targets.mjs').Target} target not this machine's own
 * @returns {Promise<import('../../kernel-vm/debian/tool.mjs').Tool>} what stands before the program and its arguments
 */
export async function emulator({ debian, triplet }) {
  const options = { selfContained: true, architecture: debian }
  const root = await unpackedTree(`runtime-${release}-${debian}`, release, packages, options)
  const { command, args, env } = await debianTool(`qemu-${triplet.split('-', 1)}`, { from: 'qemu-user' })
  return { command, args: [...args, '-L', root], env }
}
