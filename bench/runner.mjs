// Runs benchmarks on the kernel that is here: all contenders take turns, each in a process that serves all the cases, or
// one of them, and stands still while others are measured; or in a new one for each measurement.

import { loadCertificate } from '../examples/express/certificate.mjs'
import { summarize } from '../scripts/common/statistics.mjs'
import { warmUpRounds } from '../scripts/common/warm-up.mjs'
import { nginxContenders } from './contenders/nginx.mjs'
import { nodeContenders } from './contenders/node.mjs'

/**
 * @typedef {object} CaseResult
 * @property {string} name
 * @property {{ name: string, readings: Record<string, import('../scripts/common/statistics.mjs').Summary> }[]} contenders
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
  const nginx = nginxContenders(tools.nginx, { tls, workers: benchmark.nginxWorkers?.(context) ?? 1 })
  const contenders = benchmark.contenders?.({ node: nodeContenders, nginx }) ?? [...nodeContenders, ...nginx]
  const grounds = { files: workspace.files, scratch: workspace.scratch, credentials: await loadCertificate(), tls }
  const lineUp = contenders.map(({ name, start }) => ({ name, start: () => start(grounds) }))
  const measured = benchmark.newProcesses ? anew[benchmark.newProcesses] : measureRunning
  return measured(benchmark, context, { lineUp, cases, rounds, say })
}

const anew = { case: measureCasesAnew, measurement: measureEachAnew }

async function measureRunning(benchmark, context, { lineUp, cases, rounds, say }) {
  const running = []
  try {
    for (const { name, start } of lineUp) {
      say(`starting ${name}`)
      const server = await start()
      const measure = async (given) => {
        signal(server, 'SIGCONT')
        const readings = await benchmark.measure(context, server, given)
        signal(server, 'SIGSTOP')
        return readings
      }
      running.push({ name, server, measure })
      signal(server, 'SIGSTOP')
    }
    return await measureInTurn(running, { cases, rounds, warmUps: warmUpsOf(benchmark, context), say })
  } finally {
    for (const { server } of running) {
      signal(server, 'SIGCONT')
      await server.stop()
    }
  }
}

async function measureCasesAnew(benchmark, context, { cases, ...others }) {
  const results = []
  for (const given of cases) results.push(...(await measureRunning(benchmark, context, { ...others, cases: [given] })))
  return results
}

/** @param {import('./contenders/contender.mjs').Server} server */
function signal(server, name) {
  for (const pid of server.pids()) {
    try {
      process.kill(pid, name)
    } catch (error) {
      if (error.code !== 'ESRCH') throw error // it has ended, which whoever asks it something is told
    }
  }
}

async function measureEachAnew(benchmark, context, { lineUp, cases, rounds, say }) {
  const measure = async (start, given) => {
    const server = await start()
    try {
      for (let left = warmUpsOf(benchmark, context); left > 0; left--) await benchmark.measure(context, server, given)
      return await benchmark.measure(context, server, given)
    } finally {
      await server.stop()
    }
  }
  const contenders = lineUp.map(({ name, start }) => ({ name, measure: (given) => measure(start, given) }))
  return measureInTurn(contenders, { cases, rounds, warmUps: 0, say })
}

function warmUpsOf({ startsCold = false }, { emulated }) {
  if (startsCold) return 0
  // What is measured is short there: in the third pass the threads of Node's compiler still took a seventh of the time.
  return emulated ? 2 * warmUpRounds(emulated) : warmUpRounds(emulated)
}

/** @returns {Promise<CaseResult[]>} */
async function measureInTurn(contenders, { cases, rounds, warmUps, say }) {
  const results = []
  for (const given of cases) {
    const measured = contenders.map(() => [])
    for (let round = 1 - warmUps; round <= rounds; round++) {
      for (const [index, { name, measure }] of contenders.entries()) {
        say(`${given.name}: ${name}, ${round > 0 ? `${round} of ${rounds}` : 'warming up'}`)
        const readings = await measure(given)
        if (round > 0) measured[index].push(readings)
      }
    }
    results.push(caseResult(given, contenders, measured))
  }
  return results
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
