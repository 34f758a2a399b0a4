// A browser to look at pages with: Debian's Chromium and a font, unpacked into the cache.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unpackedTree } from '../../kernel-vm/debian/packages.mjs'
import { libraryPath, machineRelease } from '../../kernel-vm/debian/tool.mjs'

const packages = ['chromium', 'fonts-dejavu-core']
const soundLibraries = 'usr/lib/x86_64-linux-gnu/pulseaudio'

/** @returns {Promise<{ executablePath: string, env: Record<string, string | undefined> }>} */
export async function browser() {
  const release = machineRelease()
  if (release === undefined) throw new Error('the browser is taken from Debian 12 or 13, which this is not')
  const tree = await unpackedTree(`browser-${release}`, release, packages)
  const fonts = join(tree, 'fonts.conf')
  await writeFile(fonts, fontConfiguration(join(tree, 'usr/share/fonts')))
  return {
    executablePath: join(tree, 'usr/lib/chromium/chromium'),
    env: {
      ...process.env,
      LD_LIBRARY_PATH: `${libraryPath(tree)}:${join(tree, soundLibraries)}`,
      FONTCONFIG_FILE: fonts,
    },
  }
}

/** @param {string} folder */
function fontConfiguration(folder) {
  return `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${folder}</dir></fontconfig>\n`
}
