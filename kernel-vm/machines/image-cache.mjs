// Kernels, made ready for a machine. What some files have made is made anew when one of these files changes.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cached } from '../cache.mjs'
import { guestRecipe } from '../guest/initramfs.mjs'

const commonRecipe = [join(import.meta.dirname, '../kernels.mjs'), ...guestRecipe]

/**
 * @param {string} kernel
 * @param {readonly string[]} recipe the files that make it, beside those that make every kernel's initramfs
 * @param {(folder: string) => Promise<void>} build
 * @returns {Promise<string>} the folder that `build` has filled
 */
export async function cachedImage(kernel, recipe, build) {
  return await cached(`kernels/${kernel}-${await contentHash([...recipe, ...commonRecipe])}`, build)
}

/**
 * @param {readonly string[]} files
 * @returns {Promise<string>} a short name for what they say
 */
async function contentHash(files) {
  const hash = createHash('sha256')
  for (const file of files) hash.update(await readFile(file))
  return hash.digest('hex').slice(0, 12)
}
