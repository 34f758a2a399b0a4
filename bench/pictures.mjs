// `npm run bench:pictures`: draws bench/results/*.json, each as SVG and PNG beside it. Its libraries are not among the
// project's own: `npm ci --prefix bench` installs them.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { benchmarks } from './benchmarks.mjs'
import { drawBenchmark } from './report/picture.mjs'

const folder = join(import.meta.dirname, 'results')

for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
  const result = JSON.parse(readFileSync(join(folder, file), 'utf8'))
  const name = basename(file, '.json')
  const benchmark = benchmarks.find((candidate) => name.startsWith(`${candidate.name}-`))
  if (benchmark === undefined) throw new Error(`${file} is of no benchmark.`)
  if (result.cases.length === 0) continue
  const { svg, png } = drawBenchmark(benchmark, result)
  writeFileSync(join(folder, `${name}.svg`), svg)
  writeFileSync(join(folder, `${name}.png`), png)
  console.log(`${name}: drawn`)
}
