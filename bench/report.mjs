// `npm run bench:report`: draws bench/results/*.json, each as SVG and PNG beside it, and writes their tables into
// docs/performance.md. Its libraries are not among the project's own: `npm ci --prefix bench` installs them.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { withTables } from './report/document.mjs'
import { drawBenchmark } from './report/picture.mjs'
import { readResults, resultsFolder } from './results.mjs'

const document = join(import.meta.dirname, '..', 'docs', 'performance.md')

for (const file of readdirSync(resultsFolder).filter((name) => name.endsWith('.json'))) {
  const name = basename(file, '.json')
  const { benchmark, result } = readResults(name)
  if (result.cases.length === 0) continue
  const { svg, png } = drawBenchmark(benchmark, result)
  writeFileSync(join(resultsFolder, `${name}.svg`), svg)
  writeFileSync(join(resultsFolder, `${name}.png`), png)
  console.log(`${name}: drawn`)
}
writeFileSync(document, withTables(readFileSync(document, 'utf8'), readResults))
