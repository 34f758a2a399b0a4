// `npm run bench`: see `npm run bench -- --help`.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { loadCertificate } from '../examples/express/certificate.mjs'
import { Progress } from '../scripts/common/progress.mjs'
import { build } from '../scripts/demo/build.mjs'
import { benchmarks } from './benchmarks.mjs'
import { conditionsLine, describeConditions } from './conditions.mjs'
import { parseOptions, usage } from './options.mjs'
import { formatBenchmark } from './report/text.mjs'
import { resultsFolder, writeResults } from './results.mjs'
import { runBenchmark } from './runner.mjs'
import { findTools, toolsAsEnvironment } from './tools.mjs'
import { transports } from './transports.mjs'
import { createWorkspace } from './workspace.mjs'

const root = join(import.meta.dirname, '..')
const vmKernel = '6.12'
const vmTimeoutMs = 3 * 60 * 60_000
const vmMemoryMiB = 3072
const defaultMebibytes = { hardware: 512, emulator: 64 }

const progress = new Progress(process.stderr)
process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143)) // what was started ends then
try {
  const options = parseOptions(process.argv.slice(2))
  if (options.help) process.stdout.write(usage)
  else process.exitCode = await (options.here ? runHere(options, true) : start(options))
} catch (error) {
  progress.end()
  console.error(error.message)
  process.exitCode = 1
}

async function start(options) {
  progress.step('building the package (npm run build)')
  await build(root)
  const inMachine = transports[options.transport] !== undefined && !(await kernelHasTls())
  if (options.instructions && !inMachine) throw new Error('--instructions is for TLS in the virtual machine.')
  if (!inMachine) return runHere(options, false)
  progress.end()
  return runInMachine(options)
}

async function kernelHasTls() {
  const { inspectSupport } = await import('../dist/index.js')
  return (await inspectSupport()).kernelTls.available
}

async function runInMachine(options) {
  await loadCertificate() // made here, because what is written inside vanishes with the machine
  mkdirSync(resultsFolder, { recursive: true })
  const { runInKernel } = await import('../kernel-vm/run.mjs')
  const { exitCode } = await runInKernel({
    kernel: vmKernel,
    command: process.execPath,
    args: ['bench/main.mjs', '--here', ...process.argv.slice(2)],
    cwd: root,
    env: { ...toolsAsEnvironment(await findTools({ kernelTls: true })), TMPDIR: '/dev/shm' },
    writable: [resultsFolder],
    icount: options.instructions,
    memoryMiB: vmMemoryMiB,
    timeoutMs: vmTimeoutMs,
    stdout: process.stdout,
    stderr: process.stderr,
  })
  return exitCode
}

async function runHere(options, emulated) {
  const tls = transports[options.transport]
  const tools = await findTools({ kernelTls: tls !== undefined })
  const mebibytes = options.mebibytes ?? (emulated ? defaultMebibytes.emulator : defaultMebibytes.hardware)
  progress.step(`writing ${mebibytes} MiB of random bytes`)
  const workspace = await createWorkspace(mebibytes * 2 ** 20)
  const context = { workspace, tools, tls, emulated, seconds: options.seconds }
  const conditions = describeConditions({ tls, emulated, instructions: options.instructions })
  progress.print(`${conditionsLine(conditions)}\nMedians of ${options.rounds} (smallest-largest).\n`)
  if (tools.nginx === undefined) progress.print('nginx takes no part: it cannot be had here.\n')
  const chosen = benchmarks.filter(({ name }) => options.names.includes(name))
  for (const [index, benchmark] of chosen.entries()) {
    progress.step(`${benchmark.name} (${index + 1} of ${chosen.length})`)
    const say = (text) => progress.detail(text)
    const cases = await runBenchmark(benchmark, context, { rounds: options.rounds, say })
    progress.print(`${formatBenchmark(benchmark, cases)}\n`)
    if (options.write) writeResults(benchmark, options, { conditions, rounds: options.rounds, cases })
  }
  progress.end()
  workspace.remove()
  return 0
}
