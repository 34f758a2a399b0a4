// What QEMU boots: a Debian kernel taken out of its package, and the guest's initramfs.

import { existsSync } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unpackNewest } from '../debian/packages.mjs'
import { makeInitramfs } from '../guest/initramfs.mjs'
import { emulatedPackages, kernels } from '../kernels.mjs'
import { progress } from '../subprocess.mjs'
import { cachedImage } from './image-cache.mjs'
import { extractVmlinux } from './vmlinux.mjs'

const recipe = [import.meta.filename, join(import.meta.dirname, 'vmlinux.mjs')]

/**
 * @param {string} kernel one of `emulatedKernels`
 * @returns {Promise<{ vmlinux: string, initramfs: string }>} paths
 */
export async function qemuImage(kernel) {
  const { release, form } = emulatedPackages[kernel] ?? {}
  if (!release) throw new Error(`no kernel ${kernel}: there are ${kernels.join(', ')}`)
  const folder = await cachedImage(kernel, recipe, async (folder) => {
    const unpacked = join(folder, 'unpacked')
    await unpackNewest(release, form, unpacked)
    progress(`preparing Linux ${kernel}`)
    await makeImage(unpacked, folder)
    await rm(unpacked, { recursive: true })
  })
  return { vmlinux: join(folder, 'vmlinux'), initramfs: join(folder, 'initramfs') }
}

/**
 * @param {string} unpacked tree of the kernel's package
 * @param {string} folder
 */
async function makeImage(unpacked, folder) {
  const modulesFolder = existsSync(join(unpacked, 'lib/modules')) ? 'lib/modules' : 'usr/lib/modules'
  const [version] = await readdir(join(unpacked, modulesFolder))
  const bzImage = await readFile(join(unpacked, `boot/vmlinuz-${version}`))
  await writeFile(join(folder, 'vmlinux'), await extractVmlinux(bzImage))
  await writeFile(join(folder, 'initramfs'), await makeInitramfs(join(unpacked, modulesFolder, version), version))
}
