import { createHash, randomBytes } from 'node:crypto'
import {
  closeSync,
  createReadStream,
  existsSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'

const blockBytes = 1024 * 1024

export interface TestFile {
  path: string
  name: string
  size: number
  sha256: string
}

export function sha256(...parts: (Uint8Array | string)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

/** Reads to the end, without pipe(): that is what is tested. */
export async function sizeAndSha256(
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of bytes) {
    hash.update(chunk)
    size += chunk.length
  }
  return { size, sha256: hash.digest('hex') }
}

/** `end` is inclusive, as in createReadStream. */
export async function sha256OfFile(path: string, range: { start?: number; end?: number } = {}): Promise<string> {
  return (await sizeAndSha256(createReadStream(path, { ...range, highWaterMark: blockBytes }))).sha256
}

/** A folder that goes when the test ends, with what is in it. What was written into it once must be there unchanged. */
export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'ktls-pipe-test-'))
  t.teardown(async () => {
    try {
      for (const file of written.values()) if (dirname(file.path) === folder) await expectUnchanged(file)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
  return folder
}

const written = new Map<string, TestFile>() // by path

// Bugs of kernel TLS have overwritten the page cache of files that were sent (CVE-2024-0646).
async function expectUnchanged({ path, sha256: expected }: TestFile): Promise<void> {
  if (!existsSync(path) || (await sha256OfFile(path)) === expected) return
  throw new Error(`${path} is not what was written: it was overwritten`)
}

/** The test itself is going to change the file. */
export function expectChange(file: TestFile): TestFile {
  written.delete(file.path)
  return file
}

/** Random bytes, of which no two blocks are alike. */
export function writeRandomFile(folder: string, size: number, name = `${size}.bin`): TestFile {
  const path = join(folder, name)
  const hash = createHash('sha256')
  const file = openSync(path, 'w')
  const block = randomBytes(Math.min(size, blockBytes))
  for (let position = 0; position < size; position += blockBytes) {
    const bytes = block.subarray(0, Math.min(blockBytes, size - position))
    if (bytes.length >= 8) bytes.writeDoubleLE(position)
    hash.update(bytes)
    writeSync(file, bytes)
  }
  closeSync(file)
  const fresh = { path, name, size, sha256: hash.digest('hex') }
  written.set(path, fresh)
  return fresh
}

/** A file of zeros that takes no room, but for random bytes at some positions. */
export function writeSparseFile(folder: string, size: number, islands: number[], name = 'sparse.bin'): string {
  const path = join(folder, name)
  const file = openSync(path, 'w')
  ftruncateSync(file, size)
  for (const position of islands) {
    const bytes = randomBytes(Math.min(64 * 1024, size - position))
    writeSync(file, bytes, 0, bytes.length, position)
  }
  closeSync(file)
  return path
}
