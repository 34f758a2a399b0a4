// Runs a command of this machine under another Linux kernel. machines/ starts one with what guest/ puts together from
// what debian/ fetches, and each knows only those after it.

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { realpath } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { CommandOutput } from './guest/command-output.mjs'
import { tlsModules, x86CipherModules } from './guest/kernel-modules.mjs'
import { guestSettings } from './guest/settings.mjs'
import { isUserMode } from './kernels.mjs'
import { startQemu } from './machines/qemu-machine.mjs'
import { startUserMode } from './machines/user-mode-machine.mjs'

const timeoutExitCode = 124

/**
 * @typedef {object} RunOptions
 * @property {string} kernel one of `kernels`
 * @property {string} command
 * @property {string[]} [args]
 * @property {string} [cwd]
 * @property {Record<string, string | undefined>} [env] beside PATH and HOME
 * @property {string[]} [writable] folders whose changes are to stay; all other changes vanish with the guest
 * @property {number} [uid] whom the command runs as; root if left out
 * @property {string[]} [modules] kernel modules to load first; those of TLS if left out
 * @property {number} [timeoutMs]
 * @property {number} [memoryMiB]
 * @property {number} [cpus]
 * @property {boolean} [icount] one processor whose clock counts instructions instead of time
 * @property {NodeJS.WritableStream} [stdout] takes what the command writes, as it comes; else it is in the result
 * @property {NodeJS.WritableStream} [stderr]
 */

/**
 * @param {RunOptions} options
 * @returns {Promise<{ exitCode: number, timedOut: boolean, stdout: string, stderr: string }>} exit code 124 if timed out
 * @throws when there is no such machine, or it ends before the command does
 */
export async function runInKernel({
  kernel,
  command,
  args = [],
  cwd = process.cwd(),
  env = {},
  writable = [],
  uid,
  modules = isUserMode(kernel) ? tlsModules : [...x86CipherModules, ...tlsModules],
  timeoutMs = 600_000,
  memoryMiB = 2048,
  cpus = 2,
  icount = false,
  stdout,
  stderr,
}) {
  const folders = await Promise.all(writable.map((path) => realpath(path)))
  const endMark = randomUUID()
  const settings = guestSettings({
    ...{ command, args, cwd, env: guestEnvironment(env, uid), uid },
    ...{ writable: folders, modules, endMark },
  })
  const start = isUserMode(kernel) ? startUserMode : startQemu
  const machine = await start({ kernel, settings, writable: folders, memoryMiB, cpus, icount })
  const written = [
    new CommandOutput(machine.stdout, endMark, stdout),
    new CommandOutput(machine.stderr, endMark, stderr),
  ]
  const settled = new AbortController()
  try {
    const code = await Promise.race([
      completed(machine.control, written).catch(() => machine.failed), // no stream breaks unless the machine does
      machine.failed,
      delay(timeoutMs, undefined, { signal: settled.signal }),
    ])
    const timedOut = code === undefined
    return { exitCode: code ?? timeoutExitCode, timedOut, stdout: written[0].text(), stderr: written[1].text() }
  } finally {
    settled.abort()
    await machine.kill()
  }
}

/**
 * @param {Record<string, string | undefined>} env
 * @param {number | undefined} uid
 * @returns {Record<string, string>}
 */
function guestEnvironment(env, uid) {
  const { PATH = '/usr/bin:/bin', HOME = '/root' } = process.env
  const variables = { PATH, HOME: uid ? '/tmp' : HOME, TERM: 'dumb', ...env }
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

/**
 * @param {import('node:net').Socket} control
 * @param {CommandOutput[]} written
 * @returns {Promise<number>} the command's exit code, when all it wrote has arrived
 */
async function completed(control, written) {
  const [line] = await once(createInterface(control), 'line')
  await Promise.all(written.map(({ ended }) => ended))
  return Number(/^exit (\d+)$/.exec(line)?.[1])
}
