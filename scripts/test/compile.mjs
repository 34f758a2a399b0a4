// Makes plain programs of the test files, for Node.js alone to run: in the virtual machine every module that is loaded
// costs, so tap is one file there (importing it as installed takes eight seconds, so it takes one).

import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'

const tapEntry = "export * from 'tap'; export { default } from 'tap'"

/** CommonJS modules inside a bundle ask for Node's own by this. */
const banner = {
  js: "import { createRequire as requireFor } from 'node:module'; globalThis.require ??= requireFor(import.meta.url);",
}

/** Looks for files beside its own. */
const unbundled = ['playwright-core']

/** @type {import('esbuild').BuildOptions} */
const common = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  outExtension: { '.js': '.mjs' },
  logLevel: 'warning',
  banner,
}

/**
 * @param {string} root the project's folder
 * @param {string[]} files paths below `test/`
 * @param {import('esbuild').BuildOptions} [more]
 * @returns {Promise<(file: string) => string>} where a file's program lies
 */
export async function compileTests(root, files, more = {}) {
  // Inside the package, so that `import 'ktls-pipe'` finds it by its own name; no tool looks into a `dist`.
  const folder = join(root, 'test', 'dist')
  await rm(folder, { recursive: true, force: true })
  const tap = join(folder, 'tap.mjs')
  await build({
    ...common,
    stdin: { contents: tapEntry, resolveDir: root },
    outfile: tap,
  })
  await build({
    ...common,
    absWorkingDir: root,
    entryPoints: files,
    outbase: 'test',
    outdir: folder,
    splitting: true,
    chunkNames: 'shared/[name]-[hash]',
    sourcemap: 'linked',
    alias: { tap },
    external: [tap, 'ktls-pipe', ...unbundled, ...(await ownDependencies(root))],
    ...more,
  })
  return (file) => join(folder, file.replace(/^test\//, '').replace(/\.ts$/, '.mjs'))
}

/** Those of the package: a test has to see the same instance. @param {string} root */
async function ownDependencies(root) {
  return Object.keys(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')).dependencies)
}
