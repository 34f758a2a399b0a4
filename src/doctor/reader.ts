import { readFileSync } from 'node:fs'

/** The text of a file; undefined where it is not there, or may not be read. */
export type Reader = (path: string) => string | undefined

const expected = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ERR_ACCESS_DENIED'])

export const readText: Reader = (path) => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (expected.has((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}
