// What is made by a version of some files is made anew by another.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * @param {readonly string[]} files of this folder
 * @returns {Promise<string>} a short name for what they say
 */
export async function recipeHash(files) {
  const hash = createHash('sha256')
  for (const file of files) hash.update(await readFile(join(import.meta.dirname, file)))
  return hash.digest('hex').slice(0, 12)
}
