import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startProcess } from '../../scripts/common/programs.mjs'

const program = join(import.meta.dirname, '../load/slow-clients.mjs')
const clients = { hardware: 1000, emulator: 200 }

const metric = (title, unit, key, digits) => ({
  title,
  unit,
  better: /** @type {const} */ ('less'),
  readings: [{ key }],
  digits,
})

/** @type {import('./benchmark.mjs').Benchmark} */
export const many = {
  name: 'many',
  title: 'Slow clients: what each adds to its own idle connection',
  // What a process has once had it keeps, so that the next downloads seem to add nothing.
  newProcesses: 'measurement',
  startsCold: true,
  metrics: [
    metric('memory', 'KiB each', 'kibibytes', 1),
    metric('descriptors', 'each', 'descriptors', 2),
    metric('threads of the server', '', 'threads', 0),
  ],
  cases: ({ emulated }) => {
    const count = emulated ? clients.emulator : clients.hardware
    return [{ name: `${count} slow downloads`, count }]
  },
  async measure({ workspace }, server, { count }) {
    const words = [program, server.url, String(count), `/files/${workspace.large}`]
    const child = startProcess(process.execPath, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    try {
      await heard(child, 'idle')
      const idle = await holdings(server)
      child.send('download')
      await heard(child, 'downloading')
      const downloading = await holdings(server)
      return {
        kibibytes: (downloading.kibibytes - idle.kibibytes) / count,
        descriptors: (downloading.descriptors - idle.descriptors) / count,
        threads: downloading.threads,
      }
    } finally {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  },
}

async function heard(child, expected) {
  const [message] = await Promise.race([once(child, 'message'), once(child, 'exit')])
  if (message !== expected) throw new Error(`The slow clients said ${message}.`)
}

/** What the server's processes hold: resident memory that is no file's, once garbage is collected. */
async function holdings(server) {
  await server.ask?.('collectGarbage')
  const sum = (read) => server.pids().reduce((total, pid) => total + read(pid), 0)
  const status = (pid, name) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  return {
    kibibytes: sum((pid) => status(pid, 'RssAnon')),
    threads: sum((pid) => status(pid, 'Threads')),
    descriptors: sum((pid) => readdirSync(`/proc/${pid}/fd`).length),
  }
}
