// Where kernel TLS is to be had: on this machine or, if its kernel has none, in the virtual machine.

import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

export const vmKernel = '6.12'

/** Asks the package, which is built. */
export async function kernelHasTls() {
  const { inspectSupport } = await import('../../dist/index.js')
  return (await inspectSupport()).kernelTls.available
}

/**
 * Runs a program of the project in the virtual machine; what it prints is printed.
 *
 * @param {string[]} words the program's path in the project, and its arguments
 * @param {Partial<import('../../kernel-vm/run.mjs').RunOptions>} options
 */
export async function runInVm(words, options) {
  const { loadCertificate } = await import('../../examples/express/certificate.mjs')
  await loadCertificate() // made here, because what is written in the machine vanishes with it
  const { runInKernel } = await import('../../kernel-vm/run.mjs')
  const { stdout, stderr, execPath: command } = process
  return await runInKernel({ kernel: vmKernel, command, args: words, cwd: root, stdout, stderr, ...options })
}
