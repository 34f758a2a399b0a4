// What QEMU boots: a Debian kernel taken out of its package, and the guest's initramfs.

import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cached, exists } from './cache.mjs'
import { unpackNewest } from './debian-packages.mjs'
import { guestRecipe, makeGuestInitramfs } from './guest-initramfs.mjs'
import { recipeHash } from './recipe.mjs'
import { progress } from './subprocess.mjs'
import { extractVmlinux } from './vmlinux.mjs'

/** @type {Record<string, { release: string, form: RegExp }>} */
const packages = {
  6.1: { release: 'bookworm', form: /^linux-image-6\.1\.0-\d+-amd64$/ },
  6.12: { release: 'bookworm', form: /^linux-image-6\.12\.\d+\+deb12-amd64$/ },
  6.18: { release: 'trixie', form: /^linux-image-6\.18\.\d+\+deb13-amd64$/ },
}

export const kernels = Object.keys(packages)

const recipe = ['kernel-image.mjs', 'vmlinux.mjs', ...guestRecipe]

/**
 * @param {string} kernel one of `kernels`
 * @returns {Promise<{ vmlinux: string, initramfs: string }>} paths
 */
export async function kernelImage(kernel) {
  const { release, form } = packages[kernel] ?? {}
  if (!release) throw new Error(`no kernel ${kernel}: there are ${kernels.join(', ')}`)
  const folder = await cached(`kernels/${kernel}-${await recipeHash(recipe)}`, async (folder) => {
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
  const modulesFolder = (await exists(join(unpacked, 'lib/modules'))) ? 'lib/modules' : 'usr/lib/modules'
  const [version] = await readdir(join(unpacked, modulesFolder))
  const bzImage = await readFile(join(unpacked, `boot/vmlinuz-${version}`))
  await writeFile(join(folder, 'vmlinux'), await extractVmlinux(bzImage))
  await writeFile(join(folder, 'initramfs'), await makeGuestInitramfs(join(unpacked, modulesFolder, version), version))
}
