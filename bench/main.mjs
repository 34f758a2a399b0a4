// `npm run bench`: see `npm run bench -- --help`.

import { mkdirSync } from 'node:fs'
import { kernelHasTls, runInVm } from '../scripts/common/kernel-tls.mjs'
import { buildPackage } from '../scripts/common/npm.mjs'
import { exitOnSignals } from '../scripts/common/programs.mjs'
import { Progress } from '../scripts/common/progress.mjs'
import { benchmarks } from './benchmarks.mjs'
import { conditionsLine, describeConditions } from './conditions.mjs'
import { parseOptions, usage } from './options.mjs'
import { formatBenchmark } from './report/text.mjs'
import { resultsFolder, writeResults } from './results.mjs'
import { runBenchmark } from './runner.mjs'
import { findTools, toolsAsEnvironment } from './tools.mjs'
import { transports } from './transports.mjs'
import { createWorkspace } from './workspace.mjs'

const vmTimeoutMs = 3 * 60 * 60_000
const vmMemoryMiB = 3072
const defaultMebibytes = { hardware: 2048, emulator: 64 }

const progress = new Progress(process.stderr)
exitOnSignals()
try {
  const options = parseOptions(process.argv.slice(2))
  if (options.help) process.stdout.write(usage)
  else process.exitCode = await (options.here ? compareHere(options, true) : buildAndCompare(options))
} catch (error) {
  progress.end()
  console.error(error.message)
  process.exitCode = 1
}

async function buildAndCompare(options) {
  progress.step('building the package (npm run build)')
  await buildPackage()
  const inVm = transports[options.transport] !== undefined && !(await kernelHasTls())
  if (options.instructions && !inVm) throw new Error('--instructions is for TLS in the virtual machine.')
  if (!inVm) return compareHere(options, false)
  progress.end()
  return compareInVm(options)
}

async function compareInVm(options) {
  mkdirSync(resultsFolder, { recursive: true })
  const { exitCode, timedOut } = await runInVm(['bench/main.mjs', '--here', ...process.argv.slice(2)], {
    kernel: options.kernel,
    env: { ...toolsAsEnvironment(await findTools({ kernelTls: true })), TMPDIR: '/dev/shm' },
    writable: [resultsFolder],
    icount: options.instructions,
    memoryMiB: vmMemoryMiB,
    timeoutMs: vmTimeoutMs,
  })
  if (timedOut) console.error(`The virtual machine was stopped after ${vmTimeoutMs / 60_000} minutes.`)
  return exitCode
}

async function compareHere(options, emulated) {
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
