// curl: one download, or several at once at a steady pace.

import { curlArguments } from '../../scripts/common/curl.mjs'
import { run } from '../../scripts/common/programs.mjs'

/**
 * @param {import('../tools.mjs').Tool} tool
 * @param {string} url
 * @returns {Promise<{ seconds: number, bytes: number }>}
 */
export async function download(tool, url) {
  const words = [...curlArguments, '--output', '/dev/null', '--write-out', '%{time_total} %{size_download}', url]
  const [seconds, bytes] = (await run(tool.command, [...tool.args, ...words], { env: tool.env })).split(' ').map(Number)
  return { seconds, bytes }
}

/**
 * @param {import('../tools.mjs').Tool} tool
 * @param {string} url
 * @param {{ count: number, bytesPerSecond: number, signal: AbortSignal }} options each at that pace, until the signal
 */
export async function downloadSlowly(tool, url, { count, bytesPerSecond, signal }) {
  const outputs = Array.from({ length: count }, () => ['--output', '/dev/null', url]).flat()
  const pace = ['--parallel', '--parallel-immediate', '--parallel-max', String(count)]
  const words = [...curlArguments, ...pace, '--limit-rate', String(bytesPerSecond), ...outputs]
  try {
    await run(tool.command, [...tool.args, ...words], { env: tool.env, signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
