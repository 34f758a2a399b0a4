import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

/** The text of a file, unpacked where its name ends in .gz; undefined where it is not there, or may not be read. */
export type Reader = (path: string) => string | undefined

const expected = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ERR_ACCESS_DENIED'])

export const readText: Reader = (path) => {
  try {
    const bytes = readFileSync(path)
    return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
  } catch (error) {
    if (expected.has((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}
