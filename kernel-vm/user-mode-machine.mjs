// User-mode Linux: Debian's Linux, built as a program of this machine. It has one processor and no instructions for
// ciphers, and everything but system calls runs as fast as on the machine itself: tests take a fifth of the time.

import { rmSync } from 'node:fs'
import { mkdtemp, readdir, readFile, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installed } from './apt.mjs'
import { cached, exists } from './cache.mjs'
import { unpackWithDependencies } from './debian-packages.mjs'
import { guestRecipe, makeGuestInitramfs } from './guest-initramfs.mjs'
import { descriptors, startMachine } from './machine-process.mjs'
import { recipeHash } from './recipe.mjs'
import { progress } from './subprocess.mjs'

/** Which release has it. The last one's kernel grows: it is the newest that Debian has built so. */
const releases = Object.freeze({ '6.1-um': 'bookworm', '6.12-um': 'trixie', 'next-um': 'forky' })

export const userModeKernels = /** @type {readonly (keyof typeof releases)[]} */ (Object.freeze(Object.keys(releases)))

const loader = 'ld-linux-x86-64.so.2'
const mebibyte = 2 ** 20

const kernelArguments = [
  'loglevel=4',
  'con=null',
  'con0=null,fd:1', // its own output
  'random.trust_cpu=on',
  'lsm=',
  'audit=0',
  'rcupdate.rcu_expedited=1',
  'init_on_alloc=0',
]

/** @param {string} kernel */
export function isUserMode(kernel) {
  return kernel in releases
}

/**
 * @param {Pick<import('./qemu-machine.mjs').Machine, 'kernel' | 'settings' | 'memoryMiB'>} machine its folders are
 *   hostfs's, so that init.sh needs no more than their paths
 * @returns {Promise<import('./machine-process.mjs').MachineProcess>}
 */
export async function startUserMode({ kernel, settings, memoryMiB }) {
  const { linux, initramfs, libraries } = await userModeImage(/** @type {keyof typeof releases} */ (kernel))
  const folder = await mkdtemp(join(tmpdir(), 'ktls-pipe-um-'))
  await writeFile(join(folder, 'settings'), settings, { mode: 0o600 })
  const lines = Object.values(descriptors).map((fd, index) => `ssl${index}=fd:${fd},fd:${fd}`)
  const machine = await startMachine({
    command: 'env',
    args: [
      ...[`LD_LIBRARY_PATH=${libraries}`, linux], // not for those that start it
      ...[`mem=${memoryMiB}M`, `initrd=${initramfs}`, `uml_dir=${folder}`, `umid=machine`],
      ...[...kernelArguments, ...lines, `settings=${folder}/settings`],
    ],
    env: { PATH: process.env.PATH, TMPDIR: await memoryFolder(memoryMiB, folder) },
    cwd: libraries, // see withOwnLoader
  })
  const forget = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', forget)
  const kill = async () => {
    await machine.kill()
    process.off('exit', forget)
    forget()
  }
  return { ...machine, kill }
}

/**
 * @param {keyof typeof releases} kernel
 * @returns {Promise<{ linux: string, initramfs: string, libraries: string }>} paths
 */
async function userModeImage(kernel) {
  const release = releases[kernel]
  const tree = await cached(`unpacked/user-mode-linux-${release}`, (tree) =>
    unpackWithDependencies(release, ['user-mode-linux'], tree, { status: installed.nothing }),
  )
  const recipe = ['user-mode-machine.mjs', ...guestRecipe]
  const folder = await cached(`kernels/${kernel}-${await recipeHash(recipe)}`, async (folder) => {
    progress(`preparing Linux ${kernel}`)
    const modules = join(tree, 'usr/lib/uml/modules')
    const [version] = await readdir(modules)
    const program = await readFile(join(tree, 'usr/bin/linux.uml'))
    await writeFile(join(folder, 'linux'), withOwnLoader(program), { mode: 0o755 })
    await writeFile(join(folder, 'initramfs'), await makeGuestInitramfs(join(modules, version), version))
  })
  return {
    linux: join(folder, 'linux'),
    initramfs: join(folder, 'initramfs'),
    libraries: await libraryFolder(tree),
  }
}

/**
 * Where its C library and loader are.
 *
 * @param {string} tree
 */
async function libraryFolder(tree) {
  const folders = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'].map((folder) => join(tree, folder))
  for (const folder of folders) if (await exists(join(folder, loader))) return folder
  throw new Error(`${loader} is in none of ${folders.join(', ')}`)
}

/**
 * It is of another release than this machine may be, and wants that one's C library, and that its own loader. Started by
 * the loader it would take memory at the wrong place, so the loader is named in it: by a path that is not longer than
 * what stands there, relative to the folder in which it is started.
 *
 * @param {Buffer} program
 */
function withOwnLoader(program) {
  const usual = Buffer.from(`/lib64/${loader}\0`)
  const place = program.indexOf(usual)
  if (place < 0) throw new Error('user-mode Linux names no loader that is known')
  const changed = Buffer.from(program)
  changed.fill(0, place, place + usual.length).write(`./${loader}`, place)
  return changed
}

/**
 * Its memory is a file: best in memory, where there is enough of it.
 *
 * @param {number} memoryMiB
 * @param {string} otherwise
 */
async function memoryFolder(memoryMiB, otherwise) {
  const shm = await statfs('/dev/shm').catch(() => undefined)
  return shm && shm.bavail * shm.bsize > memoryMiB * mebibyte ? '/dev/shm' : otherwise
}
