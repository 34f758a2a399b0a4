// CPU time by two readings. A process's own (utime and stime of /proc/PID/stat: all its threads) misses work that the
// kernel does for it in softirqs and workers; the whole machine's (/proc/stat) has that, and everything else that runs.

import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

const settleMs = 200 // closing connections is work too, and belongs to what caused it
const ticksPerSecond = 100 // USER_HZ: the unit of both files, 100 on every architecture Node runs on

/**
 * What some work costs a server, besides what the work itself has to say.
 *
 * @template Result
 * @param {{ pids: () => number[] }} server
 * @param {() => Promise<Result>} work its client is a process that ends with it
 * @returns {Promise<Result & { serverCpuSeconds: number, machineCpuSeconds: number }>}
 */
export async function costOf(server, work) {
  await delay(settleMs)
  const before = readCpuTime(server.pids())
  const result = await work()
  await delay(settleMs)
  const after = readCpuTime(server.pids())
  return {
    ...result,
    serverCpuSeconds: after.server - before.server,
    machineCpuSeconds: after.machine - before.machine,
  }
}

/**
 * Seconds since some moment in the past, so only differences mean something: of the server's processes, and of the
 * machine less this process and its ended children, which are the client.
 *
 * @param {number[]} serverPids
 */
function readCpuTime(serverPids) {
  const server = serverPids.map((pid) => parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'utf8')).own)
  const client = parseProcessStat(readFileSync('/proc/self/stat', 'utf8'))
  const busy = busySeconds(readFileSync('/proc/uptime', 'utf8'), readFileSync('/proc/stat', 'utf8'))
  return { server: server.reduce((sum, own) => sum + own, 0), machine: busy - client.own - client.endedChildren }
}

/** proc_pid_stat(5). The second field is the command's name in brackets and may hold spaces and brackets itself. @param {string} text */
function parseProcessStat(text) {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number)
  return { own: (utime + stime) / ticksPerSecond, endedChildren: (cutime + cstime) / ticksPerSecond }
}

/**
 * The time all CPUs together were not idle. Not the sum of the busy fields: those are sampled by the timer tick, which
 * misses much of a load that works in short bursts (less was seen than the server's own time), while idle time is exact
 * on a kernel that stops the tick of an idle CPU.
 *
 * @param {string} uptimeText
 * @param {string} statText
 */
function busySeconds(uptimeText, statText) {
  const lines = statText.split('\n')
  const cpuCount = lines.filter((line) => /^cpu\d/.test(line)).length
  // proc_stat(5): cpu user nice system idle iowait irq softirq steal ...
  const [idle, iowait, , , steal] = lines[0].split(/\s+/).slice(4).map(Number)
  return Number.parseFloat(uptimeText) * cpuCount - (idle + iowait + steal) / ticksPerSecond
}
