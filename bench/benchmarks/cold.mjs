import { readFileSync } from 'node:fs'
import { wrk } from '../load/wrk.mjs'
import { throughput } from './benchmark.mjs'

const streams = 64
// Together more than a disk gives in the time of a measurement: nobody is to ask for a file that was read already.
const fileBytes = 128 * 2 ** 20
const bytesPerMegabyte = 1e6
const leastFromDisk = 0.9

/** @type {import('./benchmark.mjs').Benchmark} */
export const cold = {
  name: 'cold',
  title: 'A client of a cached file, beside clients of files that are on disk',
  metrics: [throughput],
  cases({ workspace, emulated }) {
    if (emulated || !workspace.hasDisk) return []
    const names = Array.from({ length: streams }, (_, index) => workspace.onDisk(fileBytes, index))
    return [
      { name: 'alone', names: [], of: 'warm' },
      { name: `beside ${streams} cold streams`, names, of: 'warm' },
      { name: `these ${streams}, together`, names, of: 'cold' },
    ]
  },
  async measure({ workspace, tools, seconds }, server, { names, of }) {
    await Promise.all(names.map(workspace.dropFromCache))
    const warmPath = pathOf(workspace.onDisk(fileBytes, streams))
    const bytesBefore = bytesReadBy(server)
    const [warm, others] = await Promise.all([
      wrk(tools.wrk, server.url, { paths: [warmPath], connections: 1, seconds }),
      names.length > 0
        ? wrk(tools.wrk, server.url, { paths: names.map(pathOf), connections: streams, seconds: seconds + 1 })
        : undefined,
    ])
    if (others !== undefined) expectFromDisk(bytesReadBy(server) - bytesBefore, others.bytes)
    const { bytes, seconds: took } = of === 'cold' ? others : warm
    return { megabytesPerSecond: bytes / bytesPerMegabyte / took }
  },
}

function pathOf(name) {
  return `/files/${name}`
}

/** From disks: proc_pid_io(5). @param {import('../contenders/contender.mjs').Server} server */
function bytesReadBy(server) {
  const read = (pid) => Number(/^read_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1])
  return server.pids().reduce((sum, pid) => sum + read(pid), 0)
}

function expectFromDisk(bytesRead, bytesSent) {
  if (bytesRead >= bytesSent * leastFromDisk) return
  throw new Error(`Of ${bytesSent} bytes that were to come from a disk, ${bytesSent - bytesRead} came from memory.`)
}
