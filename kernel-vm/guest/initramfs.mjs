// The initramfs, a guest's first root: the kernel's modules, busybox and init.sh.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cached } from '../cache.mjs'
import { unpackNewest } from '../debian/packages.mjs'
import { CpioArchive } from './cpio-archive.mjs'
import { aliasTable, bootModules, dependencyTable, readModules } from './kernel-modules.mjs'

/** The files that decide what is in it. */
export const guestRecipe = Object.freeze(
  ['initramfs.mjs', 'kernel-modules.mjs', 'cpio-archive.mjs', 'init.sh'].map((file) => join(import.meta.dirname, file)),
)

/**
 * @param {string} modulesFolder
 * @param {string} version
 */
export async function makeInitramfs(modulesFolder, version) {
  const modules = await readModules(modulesFolder)
  const archive = new CpioArchive()
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
