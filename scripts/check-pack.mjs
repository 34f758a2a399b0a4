// `npm pack` runs it first: a tarball without what is built would install, and then not be found.

import { existsSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const built = {
  'dist/register.js': 'npm run build',
  'native/prebuilds/linux-x64': 'npm run prebuilds',
  'native/prebuilds/linux-arm64': 'npm run prebuilds',
}

for (const [path, command] of Object.entries(built)) {
  if (existsSync(join(root, path))) continue
  console.error(`${path} is missing, so the package would not work where it is installed: ${command}`)
  process.exitCode = 1
}
