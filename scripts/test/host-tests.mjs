// The test files that tap itself runs, on this machine, and how much of src/ they reach.

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { runChild } from './child-process.mjs'
import { noteCompatibility } from './compatibility.mjs'
import { readHostCoverage } from './coverage.mjs'
import { isForThisMachine } from './lines.mjs'
import { failed, judge } from './program-results.mjs'
import { testFiles } from './session.mjs'
import { readTap } from './tap-tally.mjs'

const timeoutMs = { usual: 20 * 60_000, full: 90 * 60_000 } // ten thousand programs four ways
const outputKept = 64 * 1024
const tapProgram = join(createRequire(import.meta.url).resolve('tap/package.json'), '../dist/esm/run.mjs')

/**
 * @param {import('./session.mjs').Session} session
 * @param {string} name of the line
 * @param {string[]} folders below `test`
 * @param {{ coverage?: boolean, noted?: boolean }} [options] noted: for docs/compatibility.json
 */
export async function runHostTests(session, name, folders, { coverage = false, noted = false } = {}) {
  const { root, options, report, progress } = session
  const files = folders
    .flatMap((folder) => testFiles(root, folder, options))
    .filter((file) => isForThisMachine(options, file))
  if (files.length === 0) return
  progress.step(name)
  const line = report.beginLine(name)
  const missing = new Set(files)
  let stderr = ''
  const tap = readTap({
    onBegin: (file) => progress.detail(file),
    onEnd(path, tally, seconds) {
      const file = path.replace(/^test\//, '')
      missing.delete(file)
      if (tally.count === 0 && options.test === undefined) tally.fail('ran no tests')
      line.add(file, tally, seconds)
    },
  })
  const ended = await runChild(process.execPath, [tapProgram, ...tapArguments(files, coverage, session.kernelTls)], {
    cwd: root,
    env: {
      ...process.env,
      ...session.testEnv,
      ...(session.kernelTls ? { KTLS_PIPE_EXPECTED: '1' } : {}),
      ...(options.full ? { KTLS_PIPE_PROGRAMS: '10000' } : {}),
    },
    timeoutMs: options.full ? timeoutMs.full : timeoutMs.usual,
    onStdout: (text) => tap.write(text),
    onStderr: (text) => {
      stderr = (stderr + text).slice(-outputKept)
    },
  })
  // tap ends with 1 when a test has failed, which the test itself has told.
  const exitCode = line.failed > 0 && ended.exitCode === 1 ? 0 : ended.exitCode
  const rest = judge(tap.end(), { ...ended, exitCode }, true)
  if (rest.count > 0) line.add('tap', rest, 0)
  for (const file of missing) line.add(file, failed('was not run'), 0)
  line.note(stderr)
  line.end()
  if (noted) {
    const of = folders.flatMap((folder) => testFiles(root, folder, {})).length
    await noteCompatibility(session, line, { command: process.execPath, files: files.length, of })
  }
  if (coverage) session.remarks.push(`Reached on this machine: ${await readHostCoverage(root)}.`)
}

/**
 * @param {string[]} files
 * @param {boolean} coverage
 * @param {boolean} kernelTls the kernel counts the sessions of all that runs here, and tests look at that
 */
function tapArguments(files, coverage, kernelTls) {
  return [
    '--reporter=tap',
    ...(kernelTls ? ['--jobs=1'] : []),
    ...(coverage ? ['--coverage-report=none'] : ['--disable-coverage']),
    ...files.map((file) => join('test', file)),
  ]
}
