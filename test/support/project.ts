import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the package that the tests import, wherever a compiled test lies. */
export const projectFolder = dirname(fileURLToPath(import.meta.resolve('ktls-pipe/package.json')))

export function projectFile(...parts: string[]): string {
  return join(projectFolder, ...parts)
}
