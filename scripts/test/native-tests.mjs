// The native test program: the addon's code without Node.js.

import { join } from 'node:path'
import { runChildForOutput } from './child-process.mjs'
import { failed, runTestProgram } from './program-results.mjs'

const buildTimeoutMs = 10 * 60_000
const runTimeoutMs = 10 * 60_000

/** @typedef {'plain' | 'asan' | 'tsan' | import('../prebuilds/targets.mjs').Target['arch']} Variant what it is built with, or for */

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
    const { tally, output } = await runTestProgram(nativeTestProgram(root, variant), [], {
      cwd: root,
      env: { ...process.env, ...(kernelTls ? { KTLS_PIPE_EXPECTED: '1' } : {}) },
      timeoutMs: runTimeoutMs,
    })
    line.add('native-test', tally, (performance.now() - startedAt) / 1000, output)
  }
  line.end()
}

/**
 * @param {string} root
 * @param {Variant} [variant]
 * @returns {Promise<string | undefined>} what make said, when it failed
 */
export async function buildNativeTests(root, variant = 'plain') {
  const targets = ['program', ...(variant === 'plain' ? ['shim'] : [])]
  const words = ['-C', join(root, 'native', 'test'), '-j2', ...targets, `VARIANT=${variant}`]
  const { exitCode, output } = await runChildForOutput('make', words, { timeoutMs: buildTimeoutMs })
  return exitCode === 0 ? undefined : output || `make failed with exit code ${exitCode}`
}
