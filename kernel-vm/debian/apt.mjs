// A private apt: its lists, cache and sources lie in the cache folder, so it asks for releases the machine does not
// name, needs no root and leaves the machine's own apt alone. Only proxies and the like are taken from that one.

import { mkdir, stat, utimes, writeFile } from 'node:fs/promises'
import { arch } from 'node:os'
import { join } from 'node:path'
import { cached, withLock } from '../cache.mjs'
import { findOnPath, progress, run } from '../subprocess.mjs'
import { sourceLines } from './apt-sources.mjs'

const freshForMs = 60 * 60 * 1000

/** Which packages count as installed when dependencies are worked out. */
export const installed = Object.freeze({ asOnThisMachine: '/var/lib/dpkg/status', nothing: '/dev/null' })

/**
 * @param {string} release code name, as `bookworm`
 * @param {string} [architecture] Debian's name of one that is not this machine's
 * @returns {Promise<string>} folder with apt.conf and fetched package lists
 */
export async function aptFolder(release, architecture) {
  await checkMachine()
  return await cached(`apt/${release}${architecture ? `-${architecture}` : ''}`, async (folder) => {
    await mkdir(join(folder, 'lists/partial'), { recursive: true })
    await mkdir(join(folder, 'cache/archives/partial'), { recursive: true })
    await writeFile(join(folder, 'sources.list'), `${sourceLines(release).join('\n')}\n`)
    const settings = [await machineAcquireSettings(), ...(architecture ? architectureSettings(architecture) : [])]
    await writeFile(join(folder, 'machine.conf'), settings.join('\n'))
    progress(`reading the package lists of Debian ${release}${architecture ? ` for ${architecture}` : ''}`)
    await runApt(folder, 'apt-get', ['update', '-q', '--error-on=any'])
  })
}

/**
 * @param {string} folder from aptFolder
 * @param {'apt-get' | 'apt-cache'} program
 * @param {string[]} args
 * @param {{ cwd?: string, status?: string }} [options]
 */
export async function runApt(folder, program, args, { cwd, status = installed.asOnThisMachine } = {}) {
  const settings = {
    'Dir::Etc::sourcelist': join(folder, 'sources.list'),
    'Dir::State': folder,
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::State::status': status,
    'Dir::Cache': join(folder, 'cache'),
    'Dir::Cache::srcpkgcache': '', // the other cache will do
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': 'root', // apt as root would give its downloads to a user who may not enter the cache folder
    'Debug::NoLocking': 'true', // the machine's locks are not ours to take; cached() lets one process at a time in
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  const env = { ...process.env, LC_ALL: 'C', APT_CONFIG: join(folder, 'machine.conf') }
  return await run(program, [...options, ...args], { cwd, env })
}

/** @param {string} architecture */
function architectureSettings(architecture) {
  return [`APT::Architecture "${architecture}";`, `APT::Architectures { "${architecture}"; };`, '']
}

async function checkMachine() {
  if (arch() !== 'x64') throw new Error(`the kernel VM is for x86-64 machines, and this one is ${arch()}`)
  if (!(await findOnPath('apt-get')) || !(await findOnPath('dpkg-deb'))) {
    throw new Error(
      'there is no apt here to fetch Debian packages with: install apt and dpkg, or use a kernel with TLS',
    )
  }
}

/**
 * How the machine reaches its mirror: proxies, certificates, time limits. Its own configuration folder is not read
 * beside this, for that may hold hooks that run after each update.
 */
async function machineAcquireSettings() {
  const lines = (await run('apt-config', ['dump'])).split('\n')
  const own = /^Acquire::(?!IndexTargets|Languages|GzipIndexes|Changelogs)/
  return [
    'Dir::Etc::main "/dev/null";',
    'Dir::Etc::parts "/dev/null";',
    'Dir::Etc::sourceparts "/dev/null";',
    'Dir::Etc::preferences "/dev/null";',
    'Dir::Etc::preferencesparts "/dev/null";',
    'Acquire::Languages "none";',
    ...lines.filter((line) => own.test(line)),
    '',
  ].join('\n')
}

/**
 * Reads the package lists again, unless that was done just now.
 *
 * @param {string} folder from aptFolder
 * @returns {Promise<boolean>} whether it was done
 */
export async function refreshLists(folder) {
  const { mtimeMs } = await stat(join(folder, 'lists'))
  if (Date.now() - mtimeMs < freshForMs) return false
  progress('reading the package lists again')
  await withLock(folder, () => runApt(folder, 'apt-get', ['update', '-q', '--error-on=any']))
  await utimes(join(folder, 'lists'), new Date(), new Date())
  return true
}
