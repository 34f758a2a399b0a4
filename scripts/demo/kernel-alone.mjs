// The line to measure against: the same file by a bare sendfile(2) loop over kernel TLS, with no server around it.

import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { run } from '../common/programs.mjs'

const root = join(import.meta.dirname, '../..')
const sources = ['bench/kernel_alone.cc', 'native/kernel/system_calls.cc'].map((path) => join(root, path))
const program = join(root, 'bench/build/kernel-alone')

export async function buildKernelAlone() {
  await mkdir(dirname(program), { recursive: true })
  const compiler = process.env.CXX ?? 'c++'
  await run(compiler, ['-std=c++17', '-O2', '-Wall', '-Wextra', '-Werror', '-o', program, ...sources])
}

/** Sends the file once to a receiver that forgets it. The CPU time is the sender's. */
export async function sendByKernelAlone(path) {
  const [seconds, cpuSeconds] = (await run(program, [path])).split(' ').map(Number)
  return { seconds, cpuSeconds }
}
