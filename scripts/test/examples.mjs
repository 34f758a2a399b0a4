// What the examples that have packages of their own have to have installed.

import { installPackages } from './packages.mjs'

/** Below `test/`. */
export const examplesTest = 'examples/frameworks.test.ts'

/**
 * @param {string} root
 * @throws {Error} with all that npm said
 */
export async function installExamples(root) {
  for (const name of ['koa', 'fastify']) await installPackages(root, `examples/${name}`)
}
