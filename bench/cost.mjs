// What some work costs a server, by both readings of scripts/common/cpu-time.mjs.

import { readCpuTime } from '../scripts/common/cpu-time.mjs'

const settleMs = 200 // closing connections is work too, and belongs to what caused it
const mebibytesPerGibibyte = 1024
const bytesPerMebibyte = 2 ** 20

/**
 * @template Result
 * @param {import('./contenders/contender.mjs').Server} server
 * @param {() => Promise<Result>} work its client is a process that ends with it
 * @returns {Promise<Result & { serverCpuSeconds: number, machineCpuSeconds: number }>}
 */
export async function costOf(server, work) {
  await settle()
  const before = readCpuTime(...server.pids())
  const result = await work()
  await settle()
  const after = readCpuTime(...server.pids())
  return {
    ...result,
    serverCpuSeconds: after.server - before.server,
    machineCpuSeconds: after.machine - before.machine,
  }
}

/** @param {{ bytes: number, serverCpuSeconds: number, machineCpuSeconds: number }} cost */
export function cpuPerGibibyte({ bytes, serverCpuSeconds, machineCpuSeconds }) {
  const gibibytes = bytes / bytesPerMebibyte / mebibytesPerGibibyte
  return { serverCpuPerGib: serverCpuSeconds / gibibytes, machineCpuPerGib: machineCpuSeconds / gibibytes }
}

function settle() {
  return new Promise((resolve) => setTimeout(resolve, settleMs))
}
