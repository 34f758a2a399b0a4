// Programs for arm64 on this machine: QEMU's emulation of a process, with the libraries of a Debian that has OpenSSL 3.

import { installed } from '../../kernel-vm/apt.mjs'
import { cached } from '../../kernel-vm/cache.mjs'
import { unpackWithDependencies } from '../../kernel-vm/debian-packages.mjs'
import { debianTool } from '../../kernel-vm/debian-tool.mjs'

const release = 'bookworm'
const packages = ['libc6', 'libstdc++6', 'libssl3']

/**
 * @param {import('./targets.mjs').Target} target not this machine's own
 * @returns {Promise<import('../../kernel-vm/debian-tool.mjs').Tool>} what stands before the program and its arguments
 */
export async function emulator({ debian, triplet }) {
  const root = await cached(`unpacked/runtime-${release}-${debian}`, (tree) =>
    unpackWithDependencies(release, packages, tree, { status: installed.nothing, architecture: debian }),
  )
  const { command, args, env } = await debianTool(`qemu-${triplet.split('-', 1)}`, { from: 'qemu-user' })
  return { command, args: [...args, '-L', root], env }
}
