// A temporary folder with a file of random bytes to serve and room for one downloaded copy.

import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream, rmSync } from 'node:fs'
import { access, constants, mkdir, mkdtemp, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

const blockBytes = 2 ** 20
const fileName = 'large.bin'

export async function createWorkspace(bytes) {
  const folder = await mkdtemp(join(await folderWithRoom(2.5 * bytes), 'ktls-pipe-'))
  // Retried, because a client that was killed a moment ago may have put its file there meanwhile.
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  process.once('exit', remove)
  const files = join(folder, 'files')
  await mkdir(files)
  return { folder, files, fileName, source: join(files, fileName), download: join(folder, 'download.bin'), remove }
}

// Memory first, so that no disk takes part in what is measured.
async function folderWithRoom(bytes) {
  for (const folder of ['/dev/shm', tmpdir()]) {
    if (await hasRoom(folder, bytes)) return folder
  }
  throw new Error(`No temporary folder has ${Math.ceil(bytes / 2 ** 20)} MiB free; try --mebibytes=16.`)
}

async function hasRoom(folder, bytes) {
  try {
    await access(folder, constants.W_OK | constants.X_OK)
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize >= bytes
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EROFS'].includes(error.code)) return false
    throw error
  }
}

/** Resolves with the SHA-256 of what it wrote. */
export async function writeRandomFile(path, bytes) {
  const hash = createHash('sha256')
  async function* randomBlocks() {
    for (let left = bytes; left > 0; left -= blockBytes) {
      const block = randomBytes(Math.min(left, blockBytes))
      hash.update(block)
      yield block
    }
  }
  await pipeline(randomBlocks, createWriteStream(path))
  return hash.digest('hex')
}

export async function hashFile(path) {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: blockBytes }), hash)
  return hash.digest('hex')
}
