// Builds the addon from source with the headers that lie beside the running node, wherever npm is told to look: those
// belong to the same installation. Where there are none, node-gyp downloads the headers of this version. What it is told
// besides goes to node-gyp: `npm run build:native -- --debug`.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')

if (process.platform !== 'linux') {
  console.log(`nothing to build: the addon is for Linux, this is ${process.platform}`)
  process.exit(0)
}

// npm names its own node-gyp for the scripts it runs; a clone of the project has one among its dependencies.
function findNodeGyp() {
  try {
    return require.resolve('node-gyp/bin/node-gyp.js')
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error
  }
  const fromNpm = process.env.npm_config_node_gyp
  if (fromNpm && existsSync(fromNpm)) return fromNpm
  console.error('node-gyp was not found: run this through npm (`npm explore ktls-pipe -- npm run build:native`)')
  process.exit(1)
}

const prefix = resolve(dirname(process.execPath), '..')
const headers = existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : []
const others = process.argv.slice(2)
const { status, signal, error } = spawnSync(
  process.execPath,
  [findNodeGyp(), 'rebuild', '--directory', join(root, 'native'), ...headers, ...others],
  { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
)
if (error) throw error
if (signal) console.error(`node-gyp was ended by ${signal}`)
process.exit(status ?? 1)
