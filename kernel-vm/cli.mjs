#!/usr/bin/env node
// npm run kernel -- 6.12 -- node -p 'os.release()'

import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { parseArgs } from 'node:util'
import { kernels } from './kernels.mjs'
import { runInKernel } from './run.mjs'

const usage = `usage: npm run kernel -- [OPTION]... KERNEL -- COMMAND [ARGUMENT]...

Runs a command of this machine under another Linux kernel (${kernels.join(', ')}): in QEMU, or
as a program (-um, user-mode Linux), which is faster and has one processor.
It ends with the command's exit code, 124 when the time is over, 125 when there is no such machine.

  --writable DIRECTORY  what the command writes there stays; all else vanishes (may be given several times)
  --env NAME            an environment variable to hand over, beside PATH and HOME (several times)
  --user UID            who runs the command, instead of root
  --timeout SECONDS     600 if not given
  --memory MIB          2048 if not given
  --cpus NUMBER         2 if not given
  --icount              one processor whose clock counts instructions
  --no-tls-module       do not load the modules of kernel TLS first
`
const failureExitCode = 125

const separator = process.argv.indexOf('--')
const { values, positionals } = readArguments(process.argv.slice(2, separator))
const [command, ...args] = separator < 0 ? [] : process.argv.slice(separator + 1)
if (positionals.length !== 1 || command === undefined) fail(usage)

// The machine ends with this process, so this process may simply end.
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]))
}
process.stdout.once('error', () => process.exit(128 + constants.signals.SIGPIPE)) // nobody reads on
endWithNpm()

try {
  const timeout = number(values.timeout)
  const { exitCode, timedOut } = await runInKernel({
    kernel: positionals[0],
    command,
    args,
    env: Object.fromEntries((values.env ?? []).map((name) => [name, process.env[name]])),
    writable: values.writable,
    uid: number(values.user),
    modules: values['no-tls-module'] ? [] : undefined,
    timeoutMs: timeout && timeout * 1000,
    memoryMiB: number(values.memory),
    cpus: number(values.cpus),
    icount: values.icount,
    stdout: process.stdout,
    stderr: process.stderr,
  })
  if (timedOut) process.stderr.write('kernel-vm: the time is over\n')
  process.exitCode = exitCode
} catch (error) {
  fail(`kernel-vm: ${/** @type {Error} */ (error).message}\n`)
}

/** npm that is killed by SIGKILL tells nobody: its shell waits on, and has another parent. */
function endWithNpm() {
  if (!process.env.npm_lifecycle_event) return
  const npm = parentOf(process.ppid)
  setInterval(() => parentOf(process.ppid) === npm || process.exit(failureExitCode), 1000).unref()
}

/** @param {number} pid */
function parentOf(pid) {
  return /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
}

/** @param {string[]} words */
function readArguments(words) {
  try {
    return parseArgs({
      args: words,
      allowPositionals: true,
      options: {
        writable: { type: 'string', multiple: true },
        env: { type: 'string', multiple: true },
        user: { type: 'string' },
        timeout: { type: 'string' },
        memory: { type: 'string' },
        cpus: { type: 'string' },
        icount: { type: 'boolean' },
        'no-tls-module': { type: 'boolean' },
      },
    })
  } catch (error) {
    fail(`${/** @type {Error} */ (error).message}\n\n${usage}`)
  }
}

/** @param {string | undefined} text */
function number(text) {
  if (text !== undefined && !/^\d+$/.test(text)) fail(`not a number: ${text}\n\n${usage}`)
  return text === undefined ? undefined : Number(text)
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  process.stderr.write(message)
  process.exit(failureExitCode)
}
