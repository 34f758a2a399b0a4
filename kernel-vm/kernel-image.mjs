// What QEMU boots: a Debian kernel taken out of its package, and an initramfs with its modules, busybox and init.sh.

import { createHash } from 'node:crypto'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cached, exists } from './cache.mjs'
import { unpackNewest } from './debian-packages.mjs'
import { Initramfs } from './initramfs.mjs'
import { aliasTable, bootModules, dependencyTable, readModules } from './kernel-modules.mjs'
import { progress } from './subprocess.mjs'
import { extractVmlinux } from './vmlinux.mjs'

/** @type {Record<string, { release: string, form: RegExp }>} */
const packages = {
  6.1: { release: 'bookworm', form: /^linux-image-6\.1\.0-\d+-amd64$/ },
  6.12: { release: 'bookworm', form: /^linux-image-6\.12\.\d+\+deb12-amd64$/ },
  6.18: { release: 'trixie', form: /^linux-image-6\.18\.\d+\+deb13-amd64$/ },
}

export const kernels = Object.keys(packages)

/** An image made by another version of these files is made anew. */
const recipe = ['kernel-image.mjs', 'kernel-modules.mjs', 'initramfs.mjs', 'vmlinux.mjs', 'init.sh']

/**
 * @param {string} kernel one of `kernels`
 * @returns {Promise<{ vmlinux: string, initramfs: string }>} paths
 */
export async function kernelImage(kernel) {
  const { release, form } = packages[kernel] ?? {}
  if (!release) throw new Error(`no kernel ${kernel}: there are ${kernels.join(', ')}`)
  const folder = await cached(`kernels/${kernel}-${await recipeHash()}`, async (folder) => {
    const unpacked = join(folder, 'unpacked')
    await unpackNewest(release, form, unpacked)
    progress(`preparing Linux ${kernel}`)
    await makeImage(unpacked, folder)
    await rm(unpacked, { recursive: true })
  })
  return { vmlinux: join(folder, 'vmlinux'), initramfs: join(folder, 'initramfs') }
}

async function recipeHash() {
  const hash = createHash('sha256')
  for (const file of recipe) hash.update(await readFile(join(import.meta.dirname, file)))
  return hash.digest('hex').slice(0, 12)
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
  await writeFile(join(folder, 'initramfs'), await makeInitramfs(join(unpacked, modulesFolder, version), version))
}

/**
 * @param {string} modulesFolder
 * @param {string} version
 */
async function makeInitramfs(modulesFolder, version) {
  const modules = await readModules(modulesFolder)
  const archive = new Initramfs()
  archive.addDevice('dev/console', 5, 1)
  archive.addDevice('dev/null', 1, 3)
  for (const path of ['proc', 'sys', 'host', 'scratch', 'root']) archive.addFolder(path)
  archive.addProgram('init', await readFile(join(import.meta.dirname, 'init.sh')))
  archive.addProgram('bin/busybox', await readBusybox())
  archive.addLink('bin/sh', 'busybox')
  archive.addLink('sbin/modprobe', '../bin/busybox') // where the kernel looks for it
  for (const { name, content } of modules.values()) archive.addFile(`lib/modules/${version}/${name}.ko`, content)
  archive.addFile(`lib/modules/${version}/modules.dep`, dependencyTable(modules))
  archive.addFile(`lib/modules/${version}/modules.alias`, aliasTable(modules))
  archive.addFile(`lib/modules/${version}/modules.symbols`, '')
  archive.addFile(`lib/modules/${version}/modules.builtin`, await readFile(join(modulesFolder, 'modules.builtin')))
  archive.addFile('boot-modules', bootModules.join('\n'))
  return archive.finish()
}

/** Statically linked, for there is no library in an initramfs. */
async function readBusybox() {
  const tree = await cached('unpacked/busybox-static', (tree) => unpackNewest('bookworm', /^busybox-static$/, tree))
  return await readFile(join(tree, 'bin/busybox'))
}
