// What test/frameworks has to have installed.

import { installPackages, isOlderThanLock, npmIn } from './packages.mjs'

const folder = 'test/frameworks'
const nextApp = 'next-app'

/** Below `test/`. */
export const frameworksFolder = 'frameworks/'
export const frameworksTest = `${frameworksFolder}frameworks.test.ts`

/**
 * @param {string} root
 * @throws {Error} with all that npm said
 */
export async function installFrameworks(root) {
  await installPackages(root, folder, ['--ignore-scripts'])
  // Next.js serves what it has built, and building takes too long in an emulated machine.
  if (await isOlderThanLock(root, folder, `${nextApp}/.next/BUILD_ID`)) {
    await npmIn(root, folder, ['exec', '--', 'next', 'build', nextApp, '--webpack'])
  }
}
