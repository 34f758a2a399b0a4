// Whether user-mode Linux runs here: it traces its own processes (ptrace(2)), which a container may forbid, with
// all their registers, for which an older one may have no room.

import { isUserMode } from '../../kernel-vm/kernels.mjs'
import { runInKernel } from '../../kernel-vm/run.mjs'
import { mainKernels } from './lines.mjs'

const timeoutMs = 60_000
const noRoomForRegisters = 'ptrace set fp regs failed' // seen with AMX

/**
 * @param {string} kernel
 * @returns {Promise<string | undefined>} why it does not
 */
export async function userModeComplaint(kernel) {
  try {
    const { exitCode, timedOut } = await runInKernel({ kernel, command: 'true', timeoutMs })
    if (timedOut) return `it does not start within ${timeoutMs / 1000} s`
    return exitCode === 0 ? undefined : `it runs no program: exit code ${exitCode}`
  } catch (error) {
    const { message } = /** @type {Error} */ (error)
    return message.includes(noRoomForRegisters) ? 'it has no room for the registers of this processor' : message
  }
}

/** @returns {Promise<string>} one with TLS that runs here */
export async function fastKernel() {
  for (const kernel of mainKernels) {
    if (!isUserMode(kernel) || (await userModeComplaint(kernel)) === undefined) return kernel
  }
  throw new Error('no kernel runs here')
}
