// The C++ part of `npm run lint` and, with --write, of `npm run format`: clang-format and clang-tidy
// over native/ and bench/. Both from the PATH, or from Debian's packages, unpacked into the cache.

import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { debianTool } from '../kernel-vm/debian/tool.mjs'
import { atOnce } from './common/at-once.mjs'
import { runToEnd } from './common/programs.mjs'

const root = join(import.meta.dirname, '..')
const defines = ['NAPI_DISABLE_CPP_EXCEPTIONS', 'NODE_ADDON_API_DISABLE_DEPRECATED'].map((name) => `-D${name}`)
const isWriting = process.argv.includes('--write')

const files = nativeFiles()
const succeeded = (await format(files)) && (isWriting || (await tidy(files.filter((file) => file.endsWith('.cc')))))
process.exitCode = succeeded ? 0 : 1

function nativeFiles() {
  return ['bench', 'native']
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => /\.(cc|h)$/.test(file) && !/^(test\/)?build\//.test(file))
        .map((file) => join(folder, file)),
    )
    .sort()
}

/** @param {string[]} files */
async function format(files) {
  const mode = isWriting ? ['-i'] : ['--dry-run', '--Werror']
  const { succeeded, output } = await run(await debianTool('clang-format'), [...mode, ...files])
  if (!succeeded) process.stderr.write(`${output}\nclang-format: \`npm run format\` mends this\n`)
  return succeeded
}

/** @param {string[]} sources */
async function tidy(sources) {
  const tool = await debianTool('clang-tidy')
  const flags = compilerFlags()
  let complaints = 0
  await atOnce(availableParallelism(), sources, async (source) => {
    const { succeeded, output } = await run(tool, ['--quiet', source, '--', ...flags])
    if (succeeded) return
    process.stderr.write(output.replaceAll(`${root}/`, ''))
    complaints++
  })
  return complaints === 0
}

/** As in binding.gyp, with the headers that the addon was built with. */
function compilerFlags() {
  const napi = dirname(createRequire(import.meta.url).resolve('node-addon-api/napi.h'))
  const headers = ['-isystem', napi, '-isystem', join(nodeDirectory(), 'include', 'node')]
  return ['-std=c++17', '-Wall', '-Wextra', '-fno-exceptions', '-DNAPI_VERSION=9', ...defines, ...headers]
}

/** node-gyp notes it. */
function nodeDirectory() {
  const path = join(root, 'native', 'build', 'config.gypi')
  try {
    return JSON.parse(readFileSync(path, 'utf8').replace(/^#.*\n/gm, '')).variables.nodedir
  } catch (error) {
    throw new Error(`${relative(root, path)} cannot be read: \`npm run build:native\` makes it`, { cause: error })
  }
}

/**
 * @param {import('../kernel-vm/debian/tool.mjs').Tool} tool
 * @param {string[]} args
 */
async function run({ command, args: before, env }, args) {
  const { exitCode, stdout, stderr } = await runToEnd(command, [...before, ...args], { cwd: root, env })
  return { succeeded: exitCode === 0, output: stdout + stderr }
}
