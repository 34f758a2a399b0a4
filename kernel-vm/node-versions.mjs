// Node binaries of other major versions, from the npm registry, where each is a package of one file.

import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cached } from './cache.mjs'
import { progress, run } from './subprocess.mjs'

export const nodeMajors = [20, 22, 24, 26]

/**
 * @param {number} major
 * @param {'x64' | 'arm64'} [arch]
 * @returns {Promise<string>} path of the newest `node` of that major version that was there when it was first asked for
 */
export async function nodeBinary(major, arch = 'x64') {
  const isForeign = arch !== process.arch
  const folder = await cached(`node/${major}${isForeign ? `-${arch}` : ''}`, async (folder) => {
    progress(`downloading Node ${major}${isForeign ? ` for ${arch}` : ''}`)
    const temporary = join(folder, 'npm')
    // npm's own cache would keep another copy, and may lie in a home that cannot be written.
    const options = ['--pack-destination', folder, '--cache', temporary, '--silent']
    await run('npm', ['pack', `node-linux-${arch}@${major}`, ...options], { cwd: folder })
    await rm(temporary, { recursive: true, force: true })
    const [archive] = await readdir(folder)
    await run('tar', ['-xzf', join(folder, archive), '-C', folder, 'package/bin/node'])
    await rename(join(folder, 'package/bin/node'), join(folder, 'node'))
    await Promise.all(['package', archive].map((name) => rm(join(folder, name), { recursive: true })))
    const version = isForeign ? String(major) : (await run(join(folder, 'node'), ['--version'])).trim()
    progress(`Node ${version} is in the cache`)
  })
  return join(folder, 'node')
}
