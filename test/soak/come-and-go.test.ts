// A server among clients that come, go, stall and die at random: what it holds at the end is what it held at the start,
// and meanwhile no more than its connections need. For a few seconds, or for as long as KTLS_PIPE_SOAK_SECONDS says.

import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { temporaryFolder, writeRandomFile } from '../support/files.js'
import type { Scheme } from '../support/http-client.js'
import { kernelTls } from '../support/kernel.js'
import { SeededRandom } from '../support/random.js'
import { type ServerReport, startFileServer } from '../support/start-file-server.js'
import { timeLimitMs } from '../support/time-limit.js'
import { type Host, visits } from './visits.js'

const soakMs = Number(process.env.KTLS_PIPE_SOAK_SECONDS || 10) * 1000
const fileBytes = 3_000_001
const clients = 16
const mostThinkingMs = 200
const sampleMs = 1000
const mostMemoryGrowth = 48 * 2 ** 20
// The socket, the file, and a duplicate of each, or of the file two.
const descriptorsPerConnection = 5
const mostDescriptorsBesides = 8

t.setTimeout(soakMs * 1.2 + timeLimitMs)

// On a kernel with TLS it is TLS that matters; on others plain TCP, and for a while https, which is the ordinary path.
const durations: Partial<Record<Scheme, number>> = kernelTls ? { https: soakMs } : { http: soakMs, https: soakMs / 10 }

for (const [scheme, durationMs] of Object.entries(durations) as [Scheme, number][]) {
  t.test(scheme, async (t) => {
    const { path } = writeRandomFile(temporaryFolder(t), fileBytes)
    const server = await startFileServer(t, path, { scheme, collectsGarbage: true })
    const random = SeededRandom.of(t)
    const content = readFileSync(path)
    const hosts = Array.from({ length: clients }, () => ({ scheme, port: server.port, content, random: random.fork() }))

    await receiveClients(t, hosts, Math.min(durationMs / 10, 30_000)) // warm: the heap and the pools have their size
    const before = await server.reportWhenIdle()
    const ended = new AbortController()
    const samples = sample(server.report, ended.signal)
    const counts = await receiveClients(t, hosts, durationMs)
    ended.abort()
    const most = await samples // two questions at once would get one answer
    const after = await reportAtRest(server.reportWhenIdle, before.descriptors)

    const allowed = before.descriptors + most.connections * descriptorsPerConnection + mostDescriptorsBesides
    t.ok(most.descriptors <= allowed, 'no more descriptors than the connections need', most)
    t.equal(after.descriptors, before.descriptors, 'as many descriptors as before')
    t.equal(after.threads, before.threads, 'as many threads')
    t.ok(after.rssBytes - before.rssBytes < mostMemoryGrowth, 'memory is bounded')
    const { tls, tcp, active } = after.stats.transfers
    const ordinary = sum(Object.values(after.stats.fallbacks))
    const offloaded = scheme === 'http' ? tcp : tls
    if (scheme === 'http' || kernelTls) t.ok(offloaded > ordinary, 'most of it was offloaded', after.stats)
    t.equal(active, 0, 'no transfer is left')
    t.comment(JSON.stringify(counts))
    t.comment(`${sum(Object.values(counts))} clients; transfers: ${tls} tls, ${tcp} tcp, ${ordinary} ordinary`)
    t.comment(`at the start ${describe(before)}; at the end ${describe(after)}`)
    t.comment(`at most ${most.descriptors} descriptors, with at most ${most.connections} connections`)
  })
}

/** One after another at each of the hosts, for so long, and each kind once. How many there were of each. */
async function receiveClients(t: Test, hosts: Host[], milliseconds: number): Promise<Record<string, number>> {
  const counts = Object.fromEntries(Object.keys(visits).map((name) => [name, 0]))
  const until = performance.now() + milliseconds
  const kinds = Object.entries(visits)
  const comeAndGo = async (host: Host, index: number) => {
    const once = kinds.filter((_kind, kindIndex) => kindIndex % hosts.length === index)
    while (performance.now() < until || once.length > 0) {
      const [name, visit] = once.shift() ?? host.random.pick(kinds)
      const wrong = await visit(host)
      if (wrong !== undefined) t.fail(`a client ${name}: ${wrong}`)
      counts[name] = (counts[name] ?? 0) + 1
      await delay(host.random.integer(0, mostThinkingMs))
    }
  }
  await Promise.all(hosts.map(comeAndGo))
  return counts
}

/** The most of what a process has, until the signal. */
async function sample(report: () => Promise<ServerReport>, signal: AbortSignal) {
  const most = { connections: 0, descriptors: 0 }
  while (!signal.aborted) {
    const { connections, descriptors } = await report()
    most.connections = Math.max(most.connections, connections)
    most.descriptors = Math.max(most.descriptors, descriptors)
    await delay(sampleMs, undefined, { signal }).catch(() => {})
  }
  return most
}

/** What a thread still holds it lets go without an event. */
async function reportAtRest(report: () => Promise<ServerReport>, descriptors: number): Promise<ServerReport> {
  const until = performance.now() + 10_000
  for (;;) {
    const found = await report()
    if (found.descriptors <= descriptors || performance.now() > until) return found
    await delay(100)
  }
}

function describe({ descriptors, threads, rssBytes }: ServerReport): string {
  return `${descriptors} descriptors, ${threads} threads, ${(rssBytes / 2 ** 20).toFixed(1)} MiB`
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
