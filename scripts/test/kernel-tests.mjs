// The test files that run as plain programs under a kernel with TLS: in the virtual machine, or right here.

import { once } from 'node:events'
import { availableParallelism, freemem, release } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { nodeBinary } from '../../kernel-vm/node-versions.mjs'
import { runInKernel } from '../../kernel-vm/run.mjs'
import { runChild } from './child-process.mjs'
import { noteCompatibility } from './compatibility.mjs'
import { filesOfLine, isRunning, nativeTests } from './lines.mjs'
import { nativeTestProgram } from './native-tests.mjs'
import { ProgramEvents } from './program-events.mjs'

// More than any test allows itself: behaviour/many has 72 minutes.
const programTimeoutMs = { usual: 7 * 60_000, full: 75 * 60_000 }
const lineTimeoutMs = { usual: 60 * 60_000, full: 3 * 60 * 60_000 } // emulators differ by a factor of three
const memoryMiB = 2048
const mebibyte = 2 ** 20
const runner = join(import.meta.dirname, 'program-runner.mjs')

/** How many virtual machines this machine bears: each keeps a little more than one processor busy. */
export function machinesAtOnce() {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(freemem() / (memoryMiB * mebibyte))))
}

/**
 * @param {import('./session.mjs').Session} session
 * @param {import('./lines.mjs').KernelLine} line
 * @param {string[]} files
 * @param {(file: string) => string} programOf
 * @param {string[]} [all] files that there are
 */
export async function runKernelTests(session, { kernel, node, soakSeconds = 0, coverage }, files, programOf, all = []) {
  const name = `Linux ${kernel ?? `${release()} (this machine)`}, Node ${node}${soakSeconds > 0 ? ', soak' : ''}`
  const line = session.report.beginLine(name)
  const command = await binaryOf(node)
  const events = new ProgramEvents({
    files,
    onBegin: (file) => session.progress.detail(`${name}: ${file}`),
    onEnd: line.add,
    mayBeEmpty: session.options.test !== undefined,
  })
  const programMs = soakSeconds * 1000 + (session.options.full ? programTimeoutMs.full : programTimeoutMs.usual)
  const programs = files.map((file) => ({
    ...programFor(session.root, file, command, programOf),
    timeoutMs: programMs,
  }))
  const env = {
    ...session.testEnv,
    TAP_TIMEOUT: String(programMs / 1000),
    ...(kernel !== undefined || session.kernelTls ? { KTLS_PIPE_EXPECTED: '1' } : {}),
    ...(session.options.full ? { KTLS_PIPE_PROGRAMS: '500', KTLS_PIPE_FULL: '1' } : {}),
    ...(soakSeconds > 0 ? { KTLS_PIPE_SOAK_SECONDS: String(soakSeconds) } : {}),
    ...given(['SEED', 'KTLS_PIPE_PROGRAMS', 'KTLS_PIPE_PROGRAMS_SEED']),
  }
  if (coverage && session.coverageFolder) env.NODE_V8_COVERAGE = session.coverageFolder
  const run = kernel === undefined ? runHere : runInMachine
  try {
    events.finish(await run(session, { kernel, command, args: [runner, JSON.stringify(programs)], env }, events))
  } catch (error) {
    events.finish(String(error))
  } finally {
    line.end()
  }
  if (soakSeconds > 0) return
  const of = filesOfLine(all, { node }).length
  await noteCompatibility(session, line, { kernel, command, files: files.length, of })
}

/** @param {string[]} names of what the user may have set, for tests in another kernel as well */
function given(names) {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => names.includes(name)))
}

/** @param {import('./session.mjs').Session} session */
function lineTimeout({ options }) {
  return options.full ? lineTimeoutMs.full : lineTimeoutMs.usual
}

/** @param {number} node major version */
async function binaryOf(node) {
  return isRunning(node) ? process.execPath : await nodeBinary(node)
}

/**
 * @param {string} root
 * @param {string} file
 * @param {string} node
 * @param {(file: string) => string} programOf
 */
function programFor(root, file, node, programOf) {
  if (file === nativeTests) return { name: file, command: nativeTestProgram(root), args: [] }
  return { name: file, command: node, args: ['--enable-source-maps', programOf(file)] }
}

/**
 * @typedef {object} RunnerCommand
 * @property {string} [kernel]
 * @property {string} command
 * @property {string[]} args
 * @property {Record<string, string>} env beside what is there
 */

/**
 * @param {import('./session.mjs').Session} session
 * @param {RunnerCommand} runnerCommand
 * @param {ProgramEvents} events
 * @returns {Promise<string | undefined>} what went wrong with the machine
 */
async function runInMachine(session, { kernel = '', command, args, env }, events) {
  const stdout = new PassThrough().setEncoding('utf8').on('data', (text) => events.write(text))
  const stderr = new PassThrough().setEncoding('utf8').on('data', (text) => events.note(text))
  const { exitCode, timedOut } = await runInKernel({
    kernel,
    command,
    args,
    cwd: session.root,
    // A tmpfs; and since Node.js 22 the next program need not compile again what all of them import.
    env: { ...env, TMPDIR: '/dev/shm', NODE_COMPILE_CACHE: '/dev/shm/compile-cache' },
    timeoutMs: lineTimeout(session),
    memoryMiB,
    writable: [env.NODE_V8_COVERAGE].filter((folder) => folder !== undefined),
    stdout,
    stderr,
  })
  await Promise.all([stdout, stderr].map((stream) => once(stream.end(), 'end')))
  if (timedOut) return `the virtual machine was stopped after ${lineTimeout(session) / 60_000} minutes`
  return exitCode === 0 ? undefined : `the programs' runner ended with exit code ${exitCode}`
}

/**
 * @param {import('./session.mjs').Session} session
 * @param {RunnerCommand} runnerCommand
 * @param {ProgramEvents} events
 * @returns {Promise<string | undefined>}
 */
async function runHere(session, { command, args, env }, events) {
  const { exitCode, timedOut } = await runChild(command, args, {
    cwd: session.root,
    env: { ...process.env, ...env },
    timeoutMs: lineTimeout(session),
    onStdout: (text) => events.write(text),
    onStderr: (text) => events.note(text),
  })
  if (timedOut) return `stopped after ${lineTimeout(session) / 60_000} minutes`
  return exitCode === 0 ? undefined : `the programs' runner ended with exit code ${exitCode}`
}
