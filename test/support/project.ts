import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** The folder of the package that the tests import, wherever a compiled test lies. */
export const projectFolder = dirname(fileURLToPath(import.meta.resolve('ktls-pipe/package.json')))

export function projectFile(...parts: string[]): string {
  return join(projectFolder, ...parts)
}

/** A module of the project's own tools, as it lies there: a compiled test must not take it in. */
export function loadTool(path: string) {
  return import(pathToFileURL(projectFile(path)).href)
}
