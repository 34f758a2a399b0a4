// npm run docs:frameworks: writes the table of docs/frameworks.md anew, from a run with kernel TLS. The package is built.

import { join } from 'node:path'
import { runInKernel } from '../kernel-vm/run.mjs'
import { compileTests } from './test/compile.mjs'
import { frameworksTest, installFrameworks } from './test/frameworks.mjs'
import { fastKernel } from './test/user-mode.mjs'

const timeoutMs = 20 * 60_000
const root = join(import.meta.dirname, '..')

await installFrameworks(root)
const programOf = await compileTests(root, [`test/${frameworksTest}`])
const { exitCode } = await runInKernel({
  kernel: await fastKernel(),
  command: process.execPath,
  args: [programOf(frameworksTest)],
  cwd: root,
  env: { KTLS_PIPE_EXPECTED: '1', KTLS_PIPE_WRITE_DOCS: '1', TMPDIR: '/dev/shm' },
  writable: [join(root, 'docs')],
  timeoutMs,
  stdout: process.stdout,
  stderr: process.stderr,
})
process.exitCode = exitCode
