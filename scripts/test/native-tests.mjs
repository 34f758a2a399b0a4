// The native test program: the addon's code without Node.js.

import { join } from 'node:path'
import { runChild } from './child-process.mjs'
import { failed, ProgramResults } from './program-results.mjs'

const buildTimeoutMs = 10 * 60_000
const runTimeoutMs = 10 * 60_000

/** @typedef {'plain' | 'asan' | 'tsan' | 'arm64'} Variant what it is built with, or for */

/**
 * @param {string} root
 * @param {Variant} variant
 */
export function nativeTestProgram(root, variant = 'plain') {
  return join(root, 'native', 'test', 'build', variant, 'native-test')
}

/**
 * @param {import('./session.mjs').Session} session
 * @param {Variant} variant
 */
export async function runNativeTests({ root, report, progress, kernelTls }, variant) {
  progress.step(`native tests, ${variant}`)
  const line = report.beginLine(`native, ${variant}`)
  const startedAt = performance.now()
  const complaint = await buildNativeTests(root, variant)
  if (complaint) {
    line.add('native-test', failed('does not build'), (performance.now() - startedAt) / 1000, complaint)
  } else {
    const results = new ProgramResults()
    const ended = await runChild(nativeTestProgram(root, variant), [], {
      cwd: root,
      env: { ...process.env, ...(kernelTls ? { KTLS_PIPE_EXPECTED: '1' } : {}) },
      timeoutMs: runTimeoutMs,
      onStdout: (text) => results.stdout(text),
      onStderr: (text) => results.stderr(text),
    })
    line.add('native-test', results.end(ended), (performance.now() - startedAt) / 1000, results.output)
  }
  line.end()
}

/**
 * @param {string} root
 * @param {Variant} [variant]
 * @returns {Promise<string | undefined>} what make said, when it failed
 */
export async function buildNativeTests(root, variant = 'plain') {
  let output = ''
  const keep = (/** @type {string} */ text) => {
    output += text
  }
  const { exitCode } = await runChild(
    'make',
    [
      '-C',
      join(root, 'native', 'test'),
      '-j2',
      'program',
      ...(variant === 'plain' ? ['shim'] : []),
      `VARIANT=${variant}`,
    ],
    { timeoutMs: buildTimeoutMs, onStdout: keep, onStderr: keep },
  )
  return exitCode === 0 ? undefined : output || `make failed with exit code ${exitCode}`
}
