// User-mode Linux out of Debian's package: a program with the C library of its own release, and the guest's initramfs.

import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unpackedTree } from '../debian/packages.mjs'
import { makeInitramfs } from '../guest/initramfs.mjs'
import { userModeReleases } from '../kernels.mjs'
import { progress } from '../subprocess.mjs'
import { cachedImage } from './image-cache.mjs'

const loader = 'ld-linux-x86-64.so.2'

/**
 * @param {string} kernel one of `userModeKernels`
 * @returns {Promise<{ linux: string, initramfs: string, libraries: string }>} paths; it must be started in `libraries`
 */
export async function userModeImage(kernel) {
  const release = userModeReleases[kernel]
  const tree = await unpackedTree(`user-mode-linux-${release}`, release, ['user-mode-linux'], { selfContained: true })
  const folder = await cachedImage(kernel, [import.meta.filename], async (folder) => {
    progress(`preparing Linux ${kernel}`)
    const modules = join(tree, 'usr/lib/uml/modules')
    const [version] = await readdir(modules)
    const program = await readFile(join(tree, 'usr/bin/linux.uml'))
    await writeFile(join(folder, 'linux'), withOwnLoader(program), { mode: 0o755 })
    await writeFile(join(folder, 'initramfs'), await makeInitramfs(join(modules, version), version))
  })
  return { linux: join(folder, 'linux'), initramfs: join(folder, 'initramfs'), libraries: libraryFolder(tree) }
}

/**
 * Where its C library and loader are.
 *
 * @param {string} tree
 */
function libraryFolder(tree) {
  const folders = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'].map((folder) => join(tree, folder))
  const found = folders.find((folder) => existsSync(join(folder, loader)))
  if (found === undefined) throw new Error(`${loader} is in none of ${folders.join(', ')}`)
  return found
}

/**
 * It is of another release than this machine may be, and wants that one's C library, and that its own loader. Started by
 * the loader it would take memory at the wrong place, so the loader is named in it: by a path that is not longer than
 * what stands there, relative to the folder in which it is started.
 *
 * @param {Buffer} program
 */
function withOwnLoader(program) {
  const usual = Buffer.from(`/lib64/${loader}\0`)
  const place = program.indexOf(usual)
  if (place < 0) throw new Error('user-mode Linux names no loader that is known')
  const changed = Buffer.from(program)
  changed.fill(0, place, place + usual.length).write(`./${loader}`, place)
  return changed
}
