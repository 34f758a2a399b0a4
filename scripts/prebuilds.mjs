// `npm run prebuilds [-- x64 arm64]`: the addon's binaries that the tarball brings, for Linux with glibc. Musl: see
// CONTRIBUTING.md.

import { statSync } from 'node:fs'
import { join } from 'node:path'
import { prebuild } from './prebuilds/build.mjs'
import { targets } from './prebuilds/targets.mjs'

const root = join(import.meta.dirname, '..')
const asked = process.argv.slice(2)
const unknown = asked.find((name) => !targets.some(({ arch }) => arch === name))
if (unknown !== undefined) {
  console.error(`There is no target '${unknown}': ${targets.map(({ arch }) => arch).join(', ')}.`)
  process.exit(2)
}
for (const target of targets.filter(({ arch }) => asked.length === 0 || asked.includes(arch))) {
  const path = await prebuild(root, target)
  console.log(`${path}: ${statSync(join(root, path)).size} bytes`)
}
