// The files that are served.

import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../scripts/common/programs.mjs'
import { createWorkspace as createFolder, writeRandomFile } from '../scripts/common/workspace.mjs'

const mebibyte = 2 ** 20
/** Beyond this a file has no content: its zeros take as long to encrypt and to send as anything else. */
const largestRandomBytes = 64 * mebibyte

/**
 * @typedef {object} Workspace
 * @property {string} files
 * @property {string} scratch
 * @property {string} large name of the large file
 * @property {(bytes: number, index?: number) => string} ofSize name of a file of that size; several by number
 * @property {(name: string) => string} path
 * @property {() => void} remove
 */

/**
 * @param {number} largeBytes
 * @returns {Promise<Workspace>}
 */
export async function createWorkspace(largeBytes) {
  const { folder, files, fileName, source, remove } = await createFolder(largeBytes)
  await writeRandomFile(source, largeBytes)
  const scratch = join(folder, 'scratch')
  mkdirSync(scratch)
  const made = new Set()
  const path = (name) => join(files, name)
  return {
    files,
    scratch,
    large: fileName,
    path,
    remove,
    ofSize(bytes, index = 0) {
      const name = `${bytes}-${index}`
      if (!made.has(name)) {
        writeFileSync(path(name), Buffer.alloc(Math.min(bytes, largestRandomBytes), name))
        truncateSync(path(name), bytes)
        made.add(name)
      }
      return name
    },
  }
}

/** The next one who reads it reads the disk: dd(1) gives POSIX_FADV_DONTNEED. */
export async function dropFromCache(path) {
  await run('dd', [`of=${path}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none'])
}
