// A bar chart of the first metric of a benchmark.

import { Resvg } from '@resvg/resvg-js'
import * as echarts from 'echarts'
import { conditionsLine } from '../conditions.mjs'
import { decisiveKey } from './text.mjs'

const width = 960
const rowHeight = 26
const frameHeight = 170
const font = 'DejaVu Sans, Verdana, Arial, sans-serif'
/** So that a contender has the same in every picture. */
const colours = {
  'plain Node': '#9a9a9a',
  'ktls-pipe': '#1f7a3d',
  'ktls-pipe, disabled': '#c9c9c9',
}
const others = ['#2b5fa8', '#86a9d6', '#b07a1e']

/**
 * @param {import('../benchmarks/benchmark.mjs').Benchmark} benchmark
 * @param {{ conditions: any, cases: import('../runner.mjs').CaseResult[] }} result
 */
export function drawBenchmark({ title, metrics: [metric] }, { conditions, cases }) {
  const names = cases[0].contenders.map(({ name }) => name)
  const height = frameHeight + cases.length * names.length * rowHeight
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height })
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: font },
    title: {
      text: `${title}: ${metric.title}`,
      subtext: wrap(conditionsLine(conditions)),
      textStyle: { fontFamily: font, fontSize: 17 },
      subtextStyle: { fontFamily: font, fontSize: 11 },
    },
    legend: { bottom: 6, data: names },
    grid: { left: 12, right: 90, top: 92, bottom: 62, containLabel: true },
    xAxis: { type: 'value', name: metric.unit, nameLocation: 'end' },
    yAxis: { type: 'category', inverse: true, data: cases.map(({ name }) => name) },
    series: names.flatMap((name, index) => seriesOf(metric, name, index, cases)),
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  const png = new Resvg(svg, { fitTo: { mode: 'width', value: 2 * width } }).render().asPng()
  return { svg, png }
}

function seriesOf(metric, name, index, cases) {
  const digits = metric.digits ?? 2
  return {
    name,
    type: 'bar',
    itemStyle: { color: colours[name] ?? others[index % others.length] },
    label: { show: true, position: 'right', formatter: ({ value }) => value.toFixed(digits), fontSize: 11 },
    data: cases.map(({ contenders }) => contenders[index].readings[decisiveKey(metric, contenders)].median),
  }
}

function wrap(text) {
  const middle = text.indexOf('; ', 60)
  return middle < 0 ? text : `${text.slice(0, middle + 1)}\n${text.slice(middle + 2)}`
}
