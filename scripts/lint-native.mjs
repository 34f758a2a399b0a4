// The C++ part of `npm run lint` and, with --write, of `npm run format`: clang-format and clang-tidy over native/ and bench/. Both
// from the PATH, or from Debian's packages, unpacked into the cache.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { text } from 'node:stream/consumers'
import { debianTool } from '../kernel-vm/debian/tool.mjs'
import { findOnPath } from '../kernel-vm/subprocess.mjs'

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
  const { code, output } = await run('clang-format', [...(isWriting ? ['-i'] : ['--dry-run', '--Werror']), ...files])
  if (code !== 0) process.stderr.write(`${output}\nclang-format: \`npm run format\` mends this\n`)
  return code === 0
}

/** @param {string[]} sources */
async function tidy(sources) {
  const flags = compilerFlags()
  const waiting = [...sources]
  let complaints = 0
  const work = async () => {
    for (let source = waiting.shift(); source; source = waiting.shift()) {
      const { code, output } = await run('clang-tidy', ['--quiet', source, '--', ...flags])
      if (code === 0) continue
      process.stderr.write(output.replaceAll(`${root}/`, ''))
      complaints++
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
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
 * @param {string} program
 * @param {string[]} args
 */
async function run(program, args) {
  const { command, args: before, env } = await tool(program)
  const child = spawn(command, [...before, ...args], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code, output: stdout + stderr }
}

/** @param {string} program */
async function tool(program) {
  return (await findOnPath(program)) ? { command: program, args: [], env: process.env } : await debianTool(program)
}
