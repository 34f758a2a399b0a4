// Runs benchmarks on the kernel that is here: all contenders take turns, each in a process that serves all the cases, or
// in a new one for each measurement.

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
  const { workspace, tools, tls } = context
  const cases = benchmark.cases(context)
  if (cases.length === 0) return []
  const contenders = [
    ...nodeContenders,
    ...nginxContenders(tools.nginx, { tls, workers: benchmark.nginxWorkers?.(context) ?? 1 }),
  ].filter(({ name }) => benchmark.suits?.(name) ?? true)
  const grounds = { files: workspace.files, scratch: workspace.scratch, credentials: await loadCertificate(), tls }
  const lineUp = contenders.map(({ name, start }) => ({ name, start: () => start(grounds) }))
  const measured = benchmark.ownProcesses ? measureEachAnew : measureRunning
  return measured(benchmark, context, { lineUp, cases, rounds, say })
}

async function measureRunning(benchmark, context, { lineUp, cases, rounds, say }) {
  const running = []
  try {
    for (const { name, start } of lineUp) {
      say(`starting ${name}`)
      running.push({ name, server: await start() })
    }
    const results = []
    for (const given of cases) {
      const measured = running.map(() => [])
      for (let round = 1 - warmUpsOf(context, benchmark); round <= rounds; round++) {
        for (const [index, { name, server }] of running.entries()) {
          say(`${given.name}: ${name}, ${round > 0 ? `${round} of ${rounds}` : 'warming up'}`)
          const readings = await benchmark.measure(context, server, given)
          if (round > 0) measured[index].push(readings)
        }
      }
      results.push(caseResult(given, running, measured))
    }
    return results
  } finally {
    for (const { server } of running) await server.stop()
  }
}

async function measureEachAnew(benchmark, context, { lineUp, cases, rounds, say }) {
  const results = []
  for (const given of cases) {
    const measured = lineUp.map(() => [])
    for (let round = 1; round <= rounds; round++) {
      for (const [index, { name, start }] of lineUp.entries()) {
        say(`${given.name}: ${name}, ${round} of ${rounds}`)
        const server = await start()
        try {
          for (let i = 0; i < warmUpsOf(context, benchmark); ++i) await benchmark.measure(context, server, given)
          measured[index].push(await benchmark.measure(context, server, given))
        } finally {
          await server.stop()
        }
      }
    }
    results.push(caseResult(given, lineUp, measured))
  }
  return results
}

function warmUpsOf({ emulated }, { startsCold = false }) {
  if (startsCold) return 0
  return emulated ? warmUpRounds.emulator : warmUpRounds.hardware
}

/** @returns {CaseResult} */
function caseResult(given, contenders, measured) {
  return {
    name: given.name,
    contenders: contenders.map(({ name }, index) => ({ name, readings: summaries(measured[index]) })),
  }
}

function summaries(rounds) {
  return Object.fromEntries(
    Object.keys(rounds[0]).map((key) => [key, summarize(rounds.map((readings) => readings[key]))]),
  )
}
