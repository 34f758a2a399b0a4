// A table for each benchmark: medians, in brackets the smallest and the largest, and the ratio to plain Node.

import { formatTable } from '../../scripts/common/table.mjs'

const yardstick = 'plain Node'

/**
 * @param {import('../benchmarks/benchmark.mjs').Benchmark} benchmark
 * @param {import('../runner.mjs').CaseResult[]} cases
 */
export function formatBenchmark(benchmark, cases) {
  if (cases.length === 0) return `${benchmark.title}: not here.`
  const { headings, rows } = tabulate(benchmark, cases)
  return `${benchmark.title}\n\n${formatTable(headings, rows)}`
}

/** As cells of text. The name of a case is in the first of its rows. */
export function tabulate({ metrics }, cases) {
  const headings = ['case', 'contender', ...metrics.flatMap(headingsOf)]
  const rows = cases.flatMap(({ name, contenders }) =>
    contenders.map((contender, index) => [
      index === 0 ? name : '',
      contender.name,
      ...metrics.flatMap((metric) => cellsOf(metric, contender, contenders)),
    ]),
  )
  return { headings, rows }
}

/** How a contender compares with another by the reading that speaks worst for it. */
export function ratio(metric, contender, other) {
  const ratios = metric.readings.map(({ key }) => ratioBy(key, contender, other))
  return metric.better === 'less' ? Math.max(...ratios) : Math.min(...ratios)
}

/** Of several readings the one that speaks worst for this package, which is shown of everybody then. */
export function decisiveKey(metric, contenders) {
  const [yard, own] = [yardstick, 'ktls-pipe'].map((wanted) => contenders.find(({ name }) => name.startsWith(wanted)))
  const worst = ratio(metric, own, yard)
  return metric.readings.find(({ key }) => ratioBy(key, own, yard) === worst).key
}

function ratioBy(key, contender, other) {
  return contender.readings[key].median / other.readings[key].median
}

/** @param {import('../benchmarks/benchmark.mjs').Metric} metric */
function headingsOf({ title, unit, readings }) {
  const named = readings.map(({ of }) => [title, of && `(${of})`, unit && `[${unit}]`].filter(Boolean).join(' '))
  return [...named, 'ratio']
}

function cellsOf(metric, contender, contenders) {
  const { readings, digits = 2 } = metric
  const format = (number) => number.toFixed(digits)
  const figures = readings.map(({ key }) => {
    const { median, minimum, maximum } = contender.readings[key]
    return `${format(median)} (${format(minimum)}-${format(maximum)})`
  })
  const plain = contenders.find(({ name }) => name === yardstick)
  const compared = plain ? ratio(metric, contender, plain) : Number.NaN
  return [...figures, Number.isFinite(compared) ? compared.toFixed(2) : '-']
}
