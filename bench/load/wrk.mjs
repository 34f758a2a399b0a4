// wrk, an independent load generator: so many connections for so many seconds.

import { join } from 'node:path'
import { runWithBothOutputs } from '../../scripts/common/programs.mjs'

const script = join(import.meta.dirname, 'wrk.lua')

/**
 * @param {import('../tools.mjs').Tool} tool
 * @param {string} url
 * @param {object} options
 * @param {string[]} options.paths asked for in turn
 * @param {string[]} [options.first] asked for once before them, by each thread
 * @param {number} options.connections
 * @param {number} options.seconds
 * @param {number} [options.threads]
 * @param {boolean} [options.keepAlive]
 * @returns {Promise<{ requests: number, bytes: number, seconds: number, p50: number, p99: number }>} latencies in ms
 */
export async function wrk(tool, url, { paths, first = [], connections, seconds, threads = 1, keepAlive = true }) {
  const words = ['-c', connections, '-t', Math.min(threads, connections), '-d', `${seconds}s`, '--timeout', '60s']
  if (!keepAlive) words.push('-H', 'Connection: close')
  const args = [...tool.args, ...words.map(String), '-s', script, url, '--', ...first, '--', ...paths]
  const { stderr } = await runWithBothOutputs(tool.command, args, { env: tool.env })
  const { errors, ...summary } = JSON.parse(stderr.trim().split('\n').at(-1) ?? '')
  if (errors > 0 || summary.requests + summary.bytes === 0) throw new Error(`wrk had ${errors} errors: ${stderr}`)
  return summary
}
