// `npm test` and `npm run test:full`: see `npm test -- --help`.

import { join } from 'node:path'
import { userModeKernels } from '../kernel-vm/kernels.mjs'
import { atOnce } from './common/at-once.mjs'
import { kernelHasTls } from './common/kernel-tls.mjs'
import { exitOnSignals } from './common/programs.mjs'
import { Progress } from './common/progress.mjs'
import { compileTests } from './test/compile.mjs'
import { programCoverageFolder, readMergedCoverage } from './test/coverage.mjs'
import { examplesTest, installExamples } from './test/examples.mjs'
import { frameworksFolder, installFrameworks } from './test/frameworks.mjs'
import { runHostTests } from './test/host-tests.mjs'
import { machinesAtOnce, runKernelTests } from './test/kernel-tests.mjs'
import {
  filesOfLine,
  isForThisMachine,
  kernelLines,
  linesHere,
  nativeTests,
  soakLines,
  userModeAsked,
} from './test/lines.mjs'
import { buildNativeTests, runNativeTests } from './test/native-tests.mjs'
import { npmRun } from './test/npm.mjs'
import { suites as allSuites, parseOptions, usage } from './test/options.mjs'
import { peerEnvironment } from './test/peer-tools.mjs'
import { runPrebuilds } from './test/prebuilds-tests.mjs'
import { failed, passed } from './test/program-results.mjs'
import { Report } from './test/report.mjs'
import { testFiles } from './test/session.mjs'
import { userModeComplaint } from './test/user-mode.mjs'

const root = join(import.meta.dirname, '..')
const buildTimeoutMs = 10 * 60_000
const demoTimeoutMs = 30 * 60_000
const maximumCpuRatio = 0.4
/** What runs on this machine, and again where the kernel has TLS; folders below `test/`. */
const everywhere = ['behaviour', 'examples', 'fidelity', 'frameworks', 'kernel', 'soak']
/** Programs of their own beside the test files, paths below `test/`. */
const startedByTests = ['fidelity/player.ts', 'fidelity/programs/player.ts']

const options = readOptions()
const progress = new Progress(process.stderr)
const report = new Report((text) => progress.print(text))
exitOnSignals()

/** @type {import('./test/session.mjs').Session} */
const session = { root, options, report, progress, kernelTls: false, testEnv: {}, remarks: [] }
try {
  await runAll()
} catch (error) {
  const { message, stack } = /** @type {Error} */ (error)
  report.beginLine('the test command').add('scripts/test.mjs', failed(message), 0, stack)
}
if (report.passed + report.failed === 0) session.remarks.push('No test fits what was asked for.')
progress.end()
report.finish(session.remarks)
process.exitCode = report.failed === 0 && report.passed > 0 ? 0 : 1

async function runAll() {
  if (options.build && !(await build())) return
  session.kernelTls = await kernelHasTls()
  if (session.kernelTls) session.remarks.push("This machine's kernel has TLS, so its tests ran directly.")
  session.testEnv = { ...(await peerEnvironment()), ...filterEnvironment() }
  const { suites, full, grep } = options

  if (suites.has('native') && !grep) {
    await runNativeTests(session, 'plain')
    if (full) await runNativeTests(session, 'asan')
    if (full) await runNativeTests(session, 'tsan')
  }
  if (['host', 'kernel', 'soak'].some((suite) => suites.has(suite))) await expectNativeTests()
  await installWhatTestsUse()
  if (suites.has('host')) {
    await runHostTests(session, 'this machine', ['unit', 'browser', ...everywhere], { coverage: !grep, noted: true })
  }
  if (suites.has('package')) {
    await runPrebuilds(session)
    await runHostTests(session, 'package', ['package'])
  }
  const merges = suites.has('host') && suites.has('kernel') && !grep
  if (merges) session.coverageFolder = await programCoverageFolder(root)
  if (suites.has('kernel') || suites.has('soak')) await runPrograms()
  if (merges) session.remarks.push(`With kernel TLS as well: ${await readMergedCoverage(root)}.`)
  if (full && suites.size === allSuites.length) await runDemo()
}

async function installWhatTestsUse() {
  const files = everywhere
    .flatMap((folder) => testFiles(root, folder, options))
    .filter((file) => isForThisMachine(options, file))
  if (files.some((file) => file.startsWith(frameworksFolder))) {
    progress.step('installing frameworks')
    await installFrameworks(root)
  }
  if (files.includes(examplesTest)) {
    progress.step('installing what examples use')
    await installExamples(root)
  }
}

async function build() {
  progress.step('building (npm run build)')
  const { succeeded, output } = await npmRun(root, ['build'], buildTimeoutMs)
  if (!succeeded) report.beginLine('build').add('npm run build', failed('does not build'), 0, output)
  return succeeded
}

/**
 * tap's own filter of the tests at the top of a file.
 *
 * @returns {Record<string, string>}
 */
function filterEnvironment() {
  return options.test === undefined ? {} : { TAP_GREP: options.test, TAP_FILTER_QUIETLY: '1' }
}

async function runPrograms() {
  const { suites, grep } = options
  const files = everywhere.flatMap((folder) => testFiles(root, folder, options))
  const programOf = await compileTests(
    root,
    [...files, ...startedByTests].map((file) => `test/${file}`),
  )
  const parts = [...(suites.has('kernel') ? [runKernelLines] : []), ...(suites.has('soak') && !grep ? [runSoaks] : [])]
  await atOnce(parts.length, parts, (part) => part(files, programOf))
}

/** Some test files use what is built with them. */
async function expectNativeTests() {
  const complaint = await buildNativeTests(root)
  if (complaint) throw new Error(`the native tests do not build: ${complaint}`)
}

/**
 * @param {string[]} files
 * @param {(file: string) => string} programOf
 */
async function runKernelLines(files, programOf) {
  const withNative = [...files]
  if (!options.grep || nativeTests.includes(options.grep)) withNative.push(nativeTests)
  const here = session.kernelTls && !options.full && options.kernels.length === 0
  const lines = here ? linesHere(options) : kernelLines(options, await userModeKernelsHere())
  const all = [...everywhere.flatMap((folder) => testFiles(root, folder, {})), nativeTests]
  const limit = here ? 1 : machinesAtOnce()
  progress.step(
    `tests with kernel TLS on ${lines.length} pairs of kernel and Node.js, ${Math.min(limit, lines.length)} at once`,
  )
  await atOnce(limit, lines, async (line) => {
    const chosen = filesOfLine(withNative, line)
    if (chosen.length > 0) await runKernelTests(session, line, chosen, programOf, all)
  })
}

async function userModeKernelsHere() {
  if (options.kernels.length > 0) return userModeKernels
  const running = []
  for (const kernel of userModeAsked(options)) {
    const complaint = await userModeComplaint(kernel)
    if (!complaint) running.push(kernel)
    else session.remarks.push(`Linux ${kernel} does not run here, so another kernel did its part: ${complaint}`)
  }
  return running
}

/**
 * @param {string[]} files
 * @param {(file: string) => string} programOf
 */
async function runSoaks(files, programOf) {
  const lines = soakLines(session.kernelTls)
  await atOnce(lines.length, lines, (line) => runKernelTests(session, line, filesOfLine(files, line), programOf))
}

async function runDemo() {
  progress.step('the demo')
  const line = report.beginLine('demo')
  const startedAt = performance.now()
  const { succeeded, output } = await npmRun(root, ['demo', '--', `--maximum-ratio=${maximumCpuRatio}`], demoTimeoutMs)
  const tally = succeeded ? passed() : failed('npm run demo failed')
  line.add('npm run demo', tally, (performance.now() - startedAt) / 1000, output)
  line.end()
}

function readOptions() {
  const words = process.argv.slice(2)
  if (words.includes('--help')) {
    process.stdout.write(usage)
    process.exit()
  }
  try {
    return parseOptions(words)
  } catch (error) {
    process.stderr.write(`${/** @type {Error} */ (error).message}\n\n${usage}`)
    process.exit(2)
  }
}
