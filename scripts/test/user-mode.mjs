// Whether user-mode Linux runs here: it traces its own processes (ptrace(2)), which a container may forbid.

import { runInKernel } from '../../kernel-vm/run.mjs'
import { fastKernel } from './lines.mjs'

const timeoutMs = 60_000

/** @returns {Promise<string | undefined>} why it does not */
export async function userModeComplaint() {
  try {
    const { exitCode, timedOut } = await runInKernel({ kernel: fastKernel, command: 'true', timeoutMs })
    if (timedOut) return `it does not start within ${timeoutMs / 1000} s`
    return exitCode === 0 ? undefined : `it runs no program: exit code ${exitCode}`
  } catch (error) {
    return /** @type {Error} */ (error).message
  }
}
