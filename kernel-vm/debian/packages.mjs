// Debian packages, found by name, downloaded and unpacked into a folder; never installed.

import { existsSync } from 'node:fs'
import { mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { cached } from '../cache.mjs'
import { progress, run } from '../subprocess.mjs'
import { aptFolder, installed, refreshLists, runApt } from './apt.mjs'

/**
 * @typedef {object} Package
 * @property {string} name
 * @property {string} version
 * @property {string} architecture Debian's name, or `all`
 * @property {number} size bytes
 */

/**
 * Unpacks the newest package of a release whose name has a given form, without what it depends on.
 *
 * @param {string} release
 * @param {RegExp} form
 * @param {string} tree
 */
export async function unpackNewest(release, form, tree) {
  await withFreshLists(release, async (folder) => {
    const name = await newestName(folder, form)
    await unpack(folder, parseUris(await runApt(folder, 'apt-get', ['download', '-qq', '--print-uris', name])), tree)
  })
}

/**
 * A tree in the cache, with packages and what apt would install with them.
 *
 * @param {string} name the tree's own
 * @param {string} release
 * @param {string[]} packages
 * @param {object} [options]
 * @param {string} [options.suite] the one to prefer
 * @param {string} [options.architecture] Debian's name of one that is not this machine's
 * @param {boolean} [options.selfContained] with all libraries, also those that this machine has
 * @returns {Promise<string>} its path
 */
export async function unpackedTree(name, release, packages, options = {}) {
  const { suite = release, architecture, selfContained = false } = options
  const status = selfContained ? installed.nothing : installed.asOnThisMachine
  const query = ['install', '--reinstall', '-qq', '--print-uris', '-t', suite, ...packages]
  return await cached(`unpacked/${name}`, async (tree) => {
    const action = async (/** @type {string} */ folder) => {
      await unpack(folder, parseUris(await runApt(folder, 'apt-get', query, { status })), tree)
    }
    await withFreshLists(release, action, architecture)
  })
}

/**
 * A version that the lists name leaves the mirror when a newer one comes: then the lists are read once more.
 *
 * @param {string} release
 * @param {(folder: string) => Promise<void>} action
 * @param {string} [architecture]
 */
async function withFreshLists(release, action, architecture) {
  const folder = await aptFolder(release, architecture)
  try {
    await action(folder)
  } catch (error) {
    if (!(await refreshLists(folder))) throw error
    await action(folder)
  }
}

/**
 * @param {string} folder
 * @param {RegExp} form
 */
async function newestName(folder, form) {
  const names = (await runApt(folder, 'apt-cache', ['pkgnames'])).split('\n').filter((name) => form.test(name))
  if (!names.length) throw new Error(`Debian has no package named like ${form.source}`)
  return /** @type {string} */ (names.sort(new Intl.Collator('en', { numeric: true }).compare).at(-1))
}

/**
 * @param {string} text lines of `'URI' FILE SIZE HASH`
 * @returns {Package[]}
 */
function parseUris(text) {
  return [...text.matchAll(/^'[^']*' (\S+) (\d+)/gm)].map(([, file, size]) => {
    const [name, version, architecture] = file.replace(/\.deb$/, '').split('_')
    return { name, version: decodeURIComponent(version), architecture, size: Number(size) }
  })
}

/**
 * Downloads what is not in the cache yet and unpacks all of it into one tree.
 *
 * @param {string} folder
 * @param {Package[]} packages
 * @param {string} tree
 */
async function unpack(folder, packages, tree) {
  await mkdir(tree, { recursive: true })
  for (const { name, version, architecture, size } of packages) {
    const place = await cached(`packages/${name}_${version}_${architecture}`, async (cwd) => {
      progress(`downloading ${name} ${version} (${inUnits(size)})`)
      await runApt(folder, 'apt-get', ['download', '-qq', `${name}=${version}`], { cwd })
    })
    const [file] = await readdir(place)
    await run('dpkg-deb', ['--extract', join(place, file), tree])
  }
  await keepLinksInside(tree)
}

/** @param {number} bytes */
function inUnits(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}

/**
 * Packages link to each other's files by absolute paths, which would leave the tree.
 *
 * @param {string} tree
 */
async function keepLinksInside(tree) {
  for (const entry of await readdir(tree, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue
    const path = join(entry.parentPath, entry.name)
    const target = await readlink(path)
    if (!target.startsWith('/') || !existsSync(join(tree, target))) continue
    await rm(path)
    await symlink(relative(dirname(path), join(tree, target)), path)
  }
}
