// QEMU 8.1 or newer: older ones take four to five times as long for AES instructions.

import { join } from 'node:path'
import { debianTool, machineRelease, toolInTree, unpackedPackage } from '../debian/tool.mjs'
import { findOnPath, run } from '../subprocess.mjs'

const program = 'qemu-system-x86_64'

/** Where QEMU 10 is in each release. @type {Record<string, string>} */
const suites = { bookworm: 'bookworm-backports', trixie: 'trixie' }

/** @returns {Promise<import('../debian/tool.mjs').Tool>} */
export async function qemu() {
  if (await isRecent(await findOnPath(program))) return await debianTool(program)
  const release = machineRelease() ?? 'trixie'
  const tree = await unpackedPackage('qemu-system-x86', release, suites[release])
  const tool = toolInTree(tree, join('usr/bin', program), release)
  return {
    command: tool.command,
    args: [...tool.args, '-L', join(tree, 'usr/share/qemu'), '-L', join(tree, 'usr/share/seabios')],
    env: { ...tool.env, QEMU_MODULE_DIR: join(tree, 'usr/lib/x86_64-linux-gnu/qemu') },
  }
}

/** @param {string | undefined} path */
async function isRecent(path) {
  if (!path) return false
  const [, major, minor] = /version (\d+)\.(\d+)/.exec(await run(path, ['--version']).catch(() => '')) ?? []
  return Number(major) > 8 || (Number(major) === 8 && Number(minor) >= 1)
}
