// The cache folder: everything that is downloaded or made from a download lies here, and deleting it is always safe.
// An entry is built in a folder of its own beside its place and renamed into it, so what has the final name is whole.

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir, tmpdir, userInfo } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const lockPollMs = 250

/** @type {string | undefined} */
let folder

/** The cache folder's path, created if it is not there. */
function cacheFolder() {
  folder ??= chooseFolder()
  return folder
}

function chooseFolder() {
  const chosen = process.env.KTLS_PIPE_CACHE
  if (chosen) return makeWritable(resolve(chosen))
  try {
    return makeWritable(join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'ktls-pipe'))
  } catch {
    // A home that does not exist or may not be written, as that of `nobody`.
    return makeWritable(join(tmpdir(), `ktls-pipe-cache-${userInfo().uid}`))
  }
}

/** @param {string} path */
function makeWritable(path) {
  mkdirSync(path, { recursive: true, mode: 0o755 })
  accessSync(path, constants.W_OK)
  return path
}

/**
 * The path of a cache entry, built first if it is missing. Two processes that want the same entry build it once.
 *
 * @param {string} name path of the entry below the cache folder
 * @param {(temporary: string) => Promise<void>} build fills an empty folder that becomes the entry
 */
export async function cached(name, build) {
  const path = join(cacheFolder(), name)
  if (existsSync(path)) return path
  mkdirSync(dirname(path), { recursive: true })
  return await withLock(path, async () => {
    if (existsSync(path)) return path
    const temporary = join(dirname(path), `.${basename(path)}.partial`)
    await rm(temporary, { recursive: true, force: true }) // left by a process that was killed
    await mkdir(temporary)
    try {
      await build(temporary)
      await rename(temporary, path)
    } catch (error) {
      await rm(temporary, { recursive: true, force: true })
      throw error
    }
    return path
  })
}

/**
 * Runs an action that no other process runs for the same path at the same time. The lock is a listening socket in
 * Linux's abstract namespace: it goes with its process, however that ends, so there is never a stale one.
 *
 * @template Result
 * @param {string} path
 * @param {() => Promise<Result>} action
 * @returns {Promise<Result>}
 */
export async function withLock(path, action) {
  const name = `\0ktls-pipe-${createHash('sha256').update(path).digest('hex')}`
  let lock = await listen(name)
  for (; !lock; lock = await listen(name)) await delay(lockPollMs)
  try {
    return await action()
  } finally {
    lock.close()
  }
}

/**
 * @param {string} name
 * @returns {Promise<import('node:net').Server | undefined>} undefined while another one listens
 */
async function listen(name) {
  const server = createServer()
  try {
    await once(server.listen({ path: name, exclusive: true }), 'listening')
    return server
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EADDRINUSE') throw error
    return undefined
  }
}
