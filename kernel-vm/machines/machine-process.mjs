// A machine as a child process that does not outlive this one, however this one ends.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import { findOnPath, killGroup } from '../subprocess.mjs'

/** File descriptors that the machine inherits, each one end of a socket pair; 0 to 2 are its own. */
export const descriptors = Object.freeze({ stdout: 3, stderr: 4, control: 5 })

const consoleBytesKept = 8192

/**
 * @typedef {object} MachineProcess
 * @property {import('node:net').Socket} stdout
 * @property {import('node:net').Socket} stderr
 * @property {import('node:net').Socket} control
 * @property {Promise<never>} failed rejects when the machine ends, with the last it said
 * @property {() => Promise<void>} kill
 */

/**
 * @param {{ command: string, args: string[], env: NodeJS.ProcessEnv, cwd?: string }} program
 * @returns {Promise<MachineProcess>}
 */
export async function startMachine({ command, args, env, cwd }) {
  const words = [...(await endedWithParent()), command, ...args]
  const stdio = /** @type {('ignore' | 'pipe')[]} */ (['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'])
  // A group of its own: user-mode Linux is several processes, and not all of them end with the first (6.1).
  const child = spawn(words[0], words.slice(1), { env, cwd, stdio, detached: true })
  const exited = once(child, 'exit')
  const killNow = () => {
    if (child.pid !== undefined) killGroup(child.pid) // else it could not be started
  }
  process.once('exit', killNow)
  const said = [child.stdout, child.stderr].map((stream) =>
    keepLast(/** @type {import('node:stream').Readable} */ (stream)),
  )
  const failed = exited.then(async () => {
    const last = await Promise.all(said)
    throw new Error(`the virtual machine ended without an exit code:\n${last.join('\n').trim()}`)
  })
  failed.catch(() => {}) // whoever races it against the command hears of it
  const [stdout, stderr, control] = Object.values(descriptors).map((fd) => {
    const socket = /** @type {import('node:net').Socket} */ (/** @type {unknown[]} */ (child.stdio)[fd])
    return socket.on('error', () => {}) // it breaks when the machine ends: see `failed`
  })
  const kill = async () => {
    killNow()
    await exited.catch(() => {}) // it could not be started
    process.off('exit', killNow)
    for (const socket of [stdout, stderr, control]) socket.destroy()
  }
  return { stdout, stderr, control, failed, kill }
}

/** A prefix that has the kernel kill the program when its parent dies: prctl(2), PR_SET_PDEATHSIG. */
async function endedWithParent() {
  const setpriv = await findOnPath('setpriv')
  return setpriv ? [setpriv, '--pdeathsig', 'KILL'] : []
}

/**
 * @param {import('node:stream').Readable} stream
 * @returns {Promise<string>} the last of what it said, when it is closed
 */
async function keepLast(stream) {
  let last = ''
  stream.setEncoding('utf8').on('data', (text) => {
    last = (last + text).slice(-consoleBytesKept)
  })
  await finished(stream).catch(() => {}) // closed by a process that died
  return last
}
