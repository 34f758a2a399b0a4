// `npm test` and `npm run test:full`: see `npm test -- --help`.

import { join } from 'node:path'
import { compileTests } from './test/compile.mjs'
import { runHostTests } from './test/host-tests.mjs'
import { nativeTests, runKernelTests } from './test/kernel-tests.mjs'
import { filesOfLine, kernelLines } from './test/lines.mjs'
import { buildNativeTests, runNativeTests } from './test/native-tests.mjs'
import { npmRun } from './test/npm.mjs'
import { parseOptions, usage } from './test/options.mjs'
import { peerEnvironment } from './test/peer-tools.mjs'
import { failed } from './test/program-results.mjs'
import { Progress } from './test/progress.mjs'
import { Report } from './test/report.mjs'
import { testFiles } from './test/session.mjs'

const root = join(import.meta.dirname, '..')
const buildTimeoutMs = 10 * 60_000
const demoTimeoutMs = 30 * 60_000
const maximumCpuRatio = 0.4
const secondForCleaningMs = 1000

const options = readOptions()
const progress = new Progress(process.stderr)
const report = new Report((text) => progress.print(text))
const stop = new AbortController()
endOnSignals()

/** @type {import('./test/session.mjs').Session} */
const session = { root, options, report, progress, kernelTls: false, testEnv: {}, remarks: [], signal: stop.signal }
try {
  await runAll()
} catch (error) {
  const { message, stack } = /** @type {Error} */ (error)
  report.beginLine('the test command').add('scripts/test.mjs', failed(message), 0, stack)
}
progress.end()
report.finish(session.remarks)
process.exitCode = report.failed === 0 && report.passed > 0 ? 0 : 1

async function runAll() {
  if (options.build && !(await build())) return
  session.kernelTls = await hasKernelTls()
  session.testEnv = { ...(await peerEnvironment()), ...filterEnvironment() }
  const { suites, full, grep } = options

  if (suites.has('native') && !grep) {
    for (const variant of /** @type {const} */ (full ? ['plain', 'asan', 'tsan'] : ['plain', 'asan'])) {
      await runNativeTests(session, variant)
    }
  }
  if (suites.has('host')) {
    await runHostTests(session, 'this machine', ['unit', 'behaviour', 'kernel'], { coverage: !grep })
  }
  if (suites.has('package')) await runHostTests(session, 'package', ['package'])
  if (suites.has('kernel')) await runKernelLines()
  if (full) await runDemo()
}

async function build() {
  progress.step('building (npm run build)')
  const { succeeded, output } = await npmRun(root, ['build'], buildTimeoutMs)
  if (!succeeded) report.beginLine('build').add('npm run build', failed('does not build'), 0, output)
  return succeeded
}

async function hasKernelTls() {
  const { inspectSupport } = await import('../dist/index.js')
  const { kernelTls } = await inspectSupport()
  if (kernelTls.available) session.remarks.push("This machine's kernel has TLS, so its tests ran directly.")
  return kernelTls.available
}

/** tap's own filter of the tests at the top of a file. */
function filterEnvironment() {
  return options.test === undefined ? {} : { TAP_GREP: options.test, TAP_FILTER_QUIETLY: '1' }
}

async function runKernelLines() {
  const files = ['behaviour', 'kernel'].flatMap((folder) => testFiles(root, folder, options))
  if (!options.grep || nativeTests.includes(options.grep)) files.push(nativeTests)
  const complaint = await buildNativeTests(root)
  if (complaint) throw new Error(`the native tests do not build: ${complaint}`)
  const programOf = await compileTests(
    root,
    files.filter((file) => file !== nativeTests).map((file) => `test/${file}`),
  )
  for (const line of kernelLines(options, session.kernelTls)) {
    await runKernelTests(session, line, filesOfLine(files, line), programOf)
  }
}

async function runDemo() {
  progress.step('the demo')
  const line = report.beginLine('demo')
  const startedAt = performance.now()
  const { succeeded, output } = await npmRun(root, ['demo', '--', `--maximum-ratio=${maximumCpuRatio}`], demoTimeoutMs)
  const tally = succeeded ? Object.assign(failed(''), { failures: [], passed: 1 }) : failed('npm run demo failed')
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

function endOnSignals() {
  for (const [signal, number] of Object.entries({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 })) {
    process.once(signal, () => {
      stop.abort()
      setTimeout(() => process.exit(128 + number), secondForCleaningMs)
    })
  }
}
