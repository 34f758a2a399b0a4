// Programs the tests need, runnable without being installed: the machine's own if it has one, else the Debian package
// with its libraries, unpacked into the cache.

import { existsSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { findOnPath, run } from '../subprocess.mjs'
import { unpackedTree } from './packages.mjs'

/** Which package has a program, where its name does not say so. @type {Record<string, string>} */
const packages = { xz: 'xz-utils', 'gnutls-cli': 'gnutls-bin' }

/** Releases whose programs run on the release itself with the libraries that are there. */
const releases = ['bookworm', 'trixie']

const libraryFolders = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu', 'usr/lib', 'lib']
const programFolders = ['usr/bin', 'bin', 'usr/sbin', 'sbin']

/**
 * @typedef {object} Tool
 * @property {string} command what to start
 * @property {string[]} args what stands before the program's own arguments
 * @property {NodeJS.ProcessEnv} env
 */

/**
 * A program to be started as `spawn(tool.command, [...tool.args, ...yours], { env: tool.env })`.
 *
 * @param {string} program
 * @param {{ release?: string, from?: string }} [options] a Debian release to take it from, whatever the machine has;
 *   the package, where that has another name
 * @returns {Promise<Tool>}
 */
export async function debianTool(program, { release, from = packages[program] ?? program } = {}) {
  const own = release ? undefined : await findOnPath(program)
  if (own && (await answers(own))) return { command: own, args: [], env: process.env }
  const chosen = release ?? machineRelease() ?? 'trixie'
  const tree = await unpackedPackage(from, chosen)
  return toolInTree(tree, await findProgram(tree, program), chosen)
}

/**
 * A tree with a package and the libraries that are missing on the machine; all libraries, where the machine is of
 * another release than the package.
 *
 * @param {string} name
 * @param {string} release
 * @param {string} [suite] the one to prefer
 */
export async function unpackedPackage(name, release, suite = release) {
  const selfContained = release !== machineRelease()
  return await unpackedTree(`${name}-${suite}`, release, [name], { suite, selfContained })
}

/**
 * @param {string} tree
 * @param {string} program path in it
 * @param {string} release
 * @returns {Tool}
 */
export function toolInTree(tree, program, release) {
  const libraries = libraryPath(tree)
  const path = join(tree, program)
  if (release === machineRelease()) {
    return { command: path, args: [], env: { ...process.env, LD_LIBRARY_PATH: libraries } }
  }
  // Another release's libraries want their own C library, and that its own loader.
  const loader = join(tree, 'lib64/ld-linux-x86-64.so.2')
  const command = existsSync(loader) ? loader : join(tree, 'usr/lib64/ld-linux-x86-64.so.2')
  return { command, args: ['--argv0', basename(path), '--library-path', libraries, path], env: process.env }
}

/** @param {string} tree @returns {string} as in LD_LIBRARY_PATH */
export function libraryPath(tree) {
  return libraryFolders.map((folder) => join(tree, folder)).join(':')
}

/** @returns {string | undefined} this machine's Debian release, if programs from it are at hand */
export function machineRelease() {
  const name = /^VERSION_CODENAME=(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1]
  return releases.find((release) => release === name)
}

/** @param {string} path */
async function answers(path) {
  return await run(path, ['--version']).then(
    () => true,
    () => false,
  )
}

/**
 * @param {string} tree
 * @param {string} program
 */
async function findProgram(tree, program) {
  for (const folder of programFolders) {
    if (existsSync(join(tree, folder, program))) return join(folder, program)
  }
  throw new Error(`${program} is not in its package: ${(await readdir(tree)).join(' ')}`)
}
