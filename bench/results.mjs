// bench/results/*.json: what `npm run bench -- --write` leaves.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { vmKernel } from '../scripts/common/kernel-tls.mjs'
import { benchmarks } from './benchmarks.mjs'

export const resultsFolder = join(import.meta.dirname, 'results')

/** @param {string} name of the file, without its ending */
export function readResults(name) {
  const benchmark = benchmarks.find((candidate) => name.startsWith(`${candidate.name}-`))
  if (benchmark === undefined) throw new Error(`${name} is of no benchmark.`)
  return { benchmark, result: JSON.parse(readFileSync(join(resultsFolder, `${name}.json`), 'utf8')) }
}

/** @param {import('./benchmarks/benchmark.mjs').Benchmark} benchmark */
export function writeResults({ name }, { kernel, transport, instructions }, result) {
  mkdirSync(resultsFolder, { recursive: true })
  const file = [name, ...(kernel === vmKernel ? [] : [kernel]), transport, ...(instructions ? ['instructions'] : [])]
  writeFileSync(join(resultsFolder, `${file.join('-')}.json`), `${JSON.stringify(result, undefined, 2)}\n`)
}
