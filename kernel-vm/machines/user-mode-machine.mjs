// User-mode Linux: Debian's Linux, built as a program of this machine. It has one processor and no instructions for
// ciphers, and everything but system calls runs as fast as on the machine itself: tests take a fifth of the time.

import { rmSync } from 'node:fs'
import { mkdtemp, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { descriptors, startMachine } from './machine-process.mjs'
import { userModeImage } from './user-mode-image.mjs'

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

/**
 * @param {Pick<import('./qemu-machine.mjs').Machine, 'kernel' | 'settings' | 'memoryMiB'>} machine its folders are
 *   hostfs's, so that init.sh needs no more than their paths
 * @returns {Promise<import('./machine-process.mjs').MachineProcess>}
 */
export async function startUserMode({ kernel, settings, memoryMiB }) {
  const { linux, initramfs, libraries } = await userModeImage(kernel)
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
    cwd: libraries, // where the program looks for its loader
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
 * Its memory is a file: best in memory, where there is enough of it.
 *
 * @param {number} memoryMiB
 * @param {string} otherwise
 */
async function memoryFolder(memoryMiB, otherwise) {
  const shm = await statfs('/dev/shm').catch(() => undefined)
  return shm && shm.bavail * shm.bsize > memoryMiB * mebibyte ? '/dev/shm' : otherwise
}
