// The files that are served: in memory where it has room, and some on a disk.

import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../scripts/common/programs.mjs'
import { createWorkspace as createFolder, writeRandomFile } from '../scripts/common/workspace.mjs'

const blockBytes = 64 * 2 ** 20
/** f_type of tmpfs and ramfs: statfs(2). */
const inMemory = [0x01021994, 0x858458f6]

/**
 * @typedef {object} Workspace
 * @property {string} files
 * @property {string} scratch
 * @property {string} large name of the large file
 * @property {(bytes: number, index?: number) => string} ofSize name of a file of that size; several by number
 * @property {(bytes: number, index: number) => string} onDisk likewise, on a disk and not in memory
 * @property {boolean} hasDisk
 * @property {(name: string) => Promise<void>} dropFromCache the next one who reads it reads the disk
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
  const make = (name, bytes, target = path(name)) => {
    if (made.has(name)) return name
    // Wholly: a hole is one page of zeros, which no cache ever lets go.
    for (let left = bytes; left > 0; left -= blockBytes) {
      appendFileSync(target, Buffer.alloc(Math.min(left, blockBytes), name))
    }
    if (target !== path(name)) symlinkSync(target, path(name))
    made.add(name)
    return name
  }
  const diskFolder = findDisk()
  let disk
  const removeDisk = () => disk !== undefined && rmSync(disk, { recursive: true, force: true })
  return {
    files,
    scratch,
    large: fileName,
    remove() {
      remove()
      removeDisk()
    },
    ofSize: (bytes, index = 0) => make(`${bytes}-${index}`, bytes),
    hasDisk: diskFolder !== undefined,
    onDisk(bytes, index) {
      if (disk === undefined) {
        disk = mkdtempSync(join(diskFolder, 'ktls-pipe-'))
        process.once('exit', removeDisk)
      }
      const name = `disk-${bytes}-${index}`
      return make(name, bytes, join(disk, name))
    },
    // dd(1) gives POSIX_FADV_DONTNEED.
    async dropFromCache(name) {
      await run('dd', [`of=${path(name)}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none'])
    },
  }
}

/** A temporary folder that is on a disk, if there is one. */
function findDisk() {
  return [tmpdir(), '/var/tmp'].find((folder) => existsSync(folder) && !inMemory.includes(statfsSync(folder).type))
}
