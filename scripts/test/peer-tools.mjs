// The programs that tests talk to, where this machine lacks them: from Debian's packages, unpacked into the cache. Tests
// learn of them by test/support/peers.ts's variables.

import { debianTool } from '../../kernel-vm/debian/tool.mjs'
import { findOnPath } from '../../kernel-vm/subprocess.mjs'

const peers = ['curl', 'wget', 'openssl', 'gnutls-cli', 'tshark']

/** @returns {Promise<Record<string, string>>} */
export async function peerEnvironment() {
  const entries = []
  for (const peer of peers) {
    if (await findOnPath(peer)) continue
    const { command, args, env } = await debianTool(peer)
    // Only words fit into the variable: env(1) sets what the program needs.
    const setting = env.LD_LIBRARY_PATH ? ['/usr/bin/env', `LD_LIBRARY_PATH=${env.LD_LIBRARY_PATH}`] : []
    entries.push([
      `KTLS_PIPE_${peer.toUpperCase().replaceAll('-', '_')}`,
      JSON.stringify([...setting, command, ...args]),
    ])
  }
  return Object.fromEntries(entries)
}
