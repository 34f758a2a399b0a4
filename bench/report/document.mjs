// The tables of docs/performance.md. Each stands between two comments, of which the first names its file of results.

import { conditionsLine } from '../conditions.mjs'
import { tabulate } from './text.mjs'

const place = /<!-- bench\/results\/([\w-]+)\.json -->\n.*?<!-- end -->/gs
const words = 2 // columns; the others are numbers

/**
 * @param {string} document
 * @param {(name: string) => { benchmark: import('../benchmarks/benchmark.mjs').Benchmark, result: any }} resultsOf
 * @returns {string} the document with the tables of those results
 */
export function withTables(document, resultsOf) {
  return document.replace(
    place,
    (_, name) => `<!-- bench/results/${name}.json -->\n\n${section(resultsOf(name))}\n<!-- end -->`,
  )
}

function section({ benchmark, result: { conditions, rounds, cases } }) {
  const { headings, rows } = tabulate(benchmark, cases)
  const rule = headings.map((_, column) => (column < words ? '---' : '---:'))
  const table = [headings, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
  return `${conditionsLine(conditions)} Medians of ${rounds} (smallest-largest).\n\n${table}\n`
}
