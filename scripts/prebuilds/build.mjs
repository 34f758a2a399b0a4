// Builds the addon for a target, beside the developer's own build.

import { copyFileSync, cpSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { run } from '../common/programs.mjs'
import { compilerEnvironment } from './compiler.mjs'
import { prebuiltPath } from './targets.mjs'

/**
 * @param {string} root
 * @param {import('./targets.mjs').Target} target
 * @returns {Promise<string>} where the binary lies, below the root
 */
export async function prebuild(root, target) {
  const environment = await compilerEnvironment(target)
  // Inside the project, so that node-addon-api is found from it.
  const folder = join(root, `node_modules/.cache/ktls-pipe/prebuild-${target.arch}`)
  rmSync(folder, { recursive: true, force: true })
  const left = [join(root, 'native/build'), join(root, 'native/prebuilds'), join(root, 'native/test')]
  cpSync(join(root, 'native'), folder, { recursive: true, filter: (path) => !left.includes(path) })
  const words = [join(root, 'scripts/build-native.mjs'), '--directory', folder, `--arch=${target.arch}`, '--jobs=max']
  await run(process.execPath, words, { env: { ...process.env, ...environment } })
  const path = prebuiltPath(target.arch)
  mkdirSync(dirname(join(root, path)), { recursive: true })
  copyFileSync(join(folder, 'build/Release/ktls.node'), join(root, path))
  rmSync(folder, { recursive: true })
  return path
}
