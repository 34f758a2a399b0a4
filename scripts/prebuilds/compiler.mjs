// One compiler for all targets: Clang and its linker, of this machine's Debian.

import { debianTool, machineRelease } from '../../kernel-vm/debian/tool.mjs'
import { sysroot } from './sysroot.mjs'

/** @type {Record<string, number>} */
const versions = { bookworm: 14, trixie: 19 }

/**
 * What node-gyp has to find in its environment to build for a target.
 *
 * @param {import('./targets.mjs').Target} target
 * @returns {Promise<NodeJS.ProcessEnv>}
 */
export async function compilerEnvironment(target) {
  const version = versions[machineRelease() ?? '']
  // Programs of another release run by their own loader, and a compiler starts its linker without it.
  if (version === undefined) throw new Error('the binaries are built on Debian 12 or 13')
  const compiler = await debianTool(`clang++-${version}`, { from: `clang-${version}` })
  const linker = await debianTool(`ld.lld-${version}`, { from: `lld-${version}` })
  const libraries = [compiler, linker].map(({ env }) => env.LD_LIBRARY_PATH).filter(Boolean)
  const root = await sysroot(target)
  const command = [compiler.command, `--target=${target.triplet}`, `--sysroot=${root}`].join(' ')
  // The C++ library is part of the binary, hidden, because that of an old system lacks symbols that it needs.
  const linking = [`--ld-path=${linker.command}`, '-static-libstdc++', '-static-libgcc', '-Wl,-s']
  return {
    CC: command,
    CXX: command,
    LDFLAGS: linking.join(' '),
    ...(libraries.length > 0 ? { LD_LIBRARY_PATH: libraries.join(':') } : {}),
  }
}
