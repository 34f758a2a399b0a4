// npm, and the package as it builds it.

import { join } from 'node:path'
import { run } from './programs.mjs'

const root = join(import.meta.dirname, '../..')

/** The npm that runs this program, or else the one on the PATH: a command and what stands before its arguments. */
export const npmWords = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm']

/** What the build prints is shown only if it fails. */
export async function buildPackage() {
  const [command, ...args] = npmWords
  await run(command, [...args, 'run', 'build'], { cwd: root })
}
