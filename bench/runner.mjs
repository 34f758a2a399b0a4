// Runs benchmarks on the kernel that is here: all contenders are started, and take turns.

import { loadCertificate } from '../examples/express/certificate.mjs'
import { nginxContenders } from './contenders/nginx.mjs'
import { nodeContenders } from './contenders/node.mjs'
import { summarize } from './statistics.mjs'

/** The first one's are thrown away: Node's compiler needs a pass, and an emulator's own translation more. */
const warmUpRounds = { hardware: 1, emulator: 2 }

/**
 * @typedef {object} CaseResult
 * @property {string} name
 * @property {{ name: string, readings: Record<string, import('./statistics.mjs').Summary> }[]} contenders
 */

/**
 * @param {import('./benchmarks/benchmark.mjs').Benchmark} benchmark
 * @param {import('./benchmarks/benchmark.mjs').Context} context
 * @param {{ rounds: number, say: (text: string) => void }} options
 * @returns {Promise<CaseResult[]>}
 */
export async function runBenchmark(benchmark, context, { rounds, say }) {
  const { workspace, tools, tls, emulated } = context
  const cases = benchmark.cases(context)
  const contenders = [
    ...nodeContenders,
    ...nginxContenders(tools.nginx, { tls, workers: benchmark.nginxWorkers?.(context) ?? 1 }),
  ].filter(({ name }) => benchmark.suits?.(name) ?? true)
  const grounds = { files: workspace.files, scratch: workspace.scratch, credentials: await loadCertificate(), tls }
  const running = []
  try {
    for (const { name, start } of cases.length > 0 ? contenders : []) {
      say(`starting ${name}`)
      running.push({ name, server: await start(grounds) })
    }
    const results = []
    for (const given of cases) {
      const measured = running.map(() => [])
      const firstRound = 1 - (emulated ? warmUpRounds.emulator : warmUpRounds.hardware)
      for (let round = firstRound; round <= rounds; round++) {
        for (const [index, { name, server }] of running.entries()) {
          say(`${given.name}: ${name}, ${round > 0 ? `${round} of ${rounds}` : 'warming up'}`)
          const readings = await benchmark.measure(context, server, given)
          if (round > 0) measured[index].push(readings)
        }
      }
      const byContender = running.map(({ name }, index) => ({ name, readings: summaries(measured[index]) }))
      results.push({ name: given.name, contenders: byContender })
    }
    return results
  } finally {
    for (const { server } of running) await server.stop()
  }
}

function summaries(rounds) {
  return Object.fromEntries(
    Object.keys(rounds[0]).map((key) => [key, summarize(rounds.map((readings) => readings[key]))]),
  )
}
