// Many at once, many in a row, and more than there are descriptors for.

import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import t, { type Test } from 'tap'
import { temporaryFolder, writeRandomFile } from '../support/files.js'
import { oneConnection, receive, request, type Scheme } from '../support/http-client.js'
import { kernelTls } from '../support/kernel.js'
import { limitNetworkBuffers, ownKernel } from '../support/network-buffers.js'
import { startFileServer } from '../support/start-file-server.js'
import { timeLimitMs } from '../support/time-limit.js'

const scheme: Scheme = kernelTls ? 'https' : 'http'
// Elsewhere their unread bytes would take the memory that the kernel has for everybody's TCP (tcp_mem, tcp(7)).
const slowClients = ownKernel ? 2000 : 100
const shortTransfers = 10_000
const shortBytes = 20_000
const connectionsInARow = 8
// More than the buffers between server and client hold, where these cannot be made smaller.
const fileBytes = ownKernel ? 400_000 : 6_000_000
// All of them together no more than a small machine has for TCP (tcp_mem).
const buffer = { smallest: 4096, usual: 16_384, largest: 16_384 }
const handshakesAtOnce = 100
// The socket and the file are Node's; a duplicate of each is ours, and the next range's file meanwhile.
const descriptorsOfNode = 2
const descriptorsOfOurs = 2
const descriptorsBesides = 8
const warmUps = 8
// Three quarters of them are enough for all clients.
const descriptorsWanted = 12_000
const mostMemoryGrowth = 32 * 2 ** 20

t.setTimeout(4 * timeLimitMs)
t.before(() => limitNetworkBuffers(t, { receive: buffer, send: buffer }))

t.test(`${slowClients} clients that do not read for a while`, onlyWithDescriptors(), async (t) => {
  const { path } = writeRandomFile(temporaryFolder(t), fileBytes)
  const content = readFileSync(path)
  const options = { scheme, collectsGarbage: true, mostDescriptors: descriptorsWanted }
  const server = await startFileServer(t, path, options)
  await warmUp(t, server.port, content)
  const before = await server.reportWhenIdle()

  const answers = await begin(server.port, slowClients)
  const meanwhile = await server.report()
  await Promise.all(answers.map((answer) => expectContent(t, answer, content)))
  const after = await server.reportWhenIdle()

  const perConnection = (meanwhile.descriptors - before.descriptors) / slowClients
  t.comment(`${meanwhile.stats.transfers.active} transfers at once, ${perConnection.toFixed(2)} descriptors for each`)
  t.comment(`${((meanwhile.rssBytes - before.rssBytes) / slowClients / 1024).toFixed(1)} KiB of memory for each`)
  t.equal(meanwhile.stats.transfers.active, slowClients, 'all of them at once')
  t.ok(
    meanwhile.descriptors <=
      before.descriptors + slowClients * (descriptorsOfNode + descriptorsOfOurs) + descriptorsBesides,
    'two descriptors for each more than Node has',
  )
  t.equal(after.stats.transfers[kernelTls ? 'tls' : 'tcp'], slowClients + warmUps, 'all were offloaded')
  t.same(after.stats.fallbacks, before.stats.fallbacks)
  t.equal(after.descriptors, before.descriptors, 'as many descriptors as before')
  t.equal(after.threads, before.threads, 'as many threads')
})

t.test(`${shortTransfers} short transfers in a row`, async (t) => {
  const { path } = writeRandomFile(temporaryFolder(t), shortBytes)
  const content = readFileSync(path)
  const server = await startFileServer(t, path, { scheme, collectsGarbage: true })
  const agents = Array.from({ length: connectionsInARow }, () => oneConnection(scheme))
  const closeAll = () => {
    for (const agent of agents) agent.destroy()
  }
  t.teardown(closeAll)
  const inARow = async (count: number) => {
    let wrong = 0
    const row = async (agent: (typeof agents)[number]) => {
      for (let number = 0; number < count / connectionsInARow; number++) {
        const { bytes } = await receive(await request(scheme, server.port, { agent }))
        if (!bytes.equals(content)) wrong++
      }
    }
    await Promise.all(agents.map(row))
    t.equal(wrong, 0, `${count} answers are whole`)
    closeAll()
    return await server.reportWhenIdle()
  }
  const before = await inARow(shortTransfers) // warm: the heap has its size
  const after = await inARow(shortTransfers)
  const growth = after.rssBytes - before.rssBytes
  t.comment(`${(growth / 2 ** 20).toFixed(1)} MiB more memory`)
  const sent = kernelTls ? 'tls' : 'tcp'
  t.equal(after.stats.transfers[sent] - before.stats.transfers[sent], shortTransfers, 'all were offloaded')
  t.equal(after.stats.transfers.active, 0)
  t.equal(after.descriptors, before.descriptors, 'as many descriptors as before')
  t.equal(after.threads, before.threads, 'as many threads')
  t.ok(growth < mostMemoryGrowth, 'memory is bounded')
})

t.test('more transfers than there are descriptors for', async (t) => {
  const clients = 60
  const { path } = writeRandomFile(temporaryFolder(t), fileBytes)
  const content = readFileSync(path)
  const idle = await (await startFileServer(t, path, { scheme })).report()
  // Enough for all of Node's own beside the part of ours that three quarters of them leave room for.
  const mostDescriptors = idle.descriptors + Math.ceil(clients * (descriptorsOfNode + 0.65 * descriptorsOfOurs))
  const server = await startFileServer(t, path, { scheme, mostDescriptors })
  await warmUp(t, server.port, content)
  const before = await server.reportWhenIdle()
  const answers = await begin(server.port, clients)
  await Promise.all(answers.map((answer) => expectContent(t, answer, content)))
  const crowded = (await server.reportWhenIdle()).stats
  t.ok((crowded.fallbacks['descriptor-limit'] ?? 0) > 0, 'some found no descriptor', crowded.fallbacks)
  const { tls, tcp } = crowded.transfers
  t.ok(tls + tcp > clients / 4, 'others did')

  await expectContent(t, await get(server.port), content)
  const after = await server.reportWhenIdle()
  t.equal(after.stats.transfers.tls + after.stats.transfers.tcp, tls + tcp + 1, 'when there is room, all do')
  t.equal(after.descriptors, before.descriptors, 'as many descriptors as before')
})

/** Who is not root may have no more than it was given: proc_pid_limits(5). */
function onlyWithDescriptors(): { skip?: string } {
  const [, limit] = /^Max open files +\d+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
  if (process.getuid?.() === 0 || Number(limit) >= descriptorsWanted) return {}
  return { skip: `a process may have ${limit} descriptors here, and ${descriptorsWanted} are wanted` }
}

function get(port: number): Promise<IncomingMessage> {
  return request(scheme, port, { agent: false })
}

/** Enough transfers to start each of the sender's threads, which have descriptors of their own. */
async function warmUp(t: Test, port: number, content: Buffer): Promise<void> {
  for (let i = 0; i < warmUps; i++) await expectContent(t, await get(port), content)
}

/** Answers whose bodies nobody reads yet. */
async function begin(port: number, count: number): Promise<IncomingMessage[]> {
  const answers: IncomingMessage[] = []
  while (answers.length < count) {
    const length = Math.min(handshakesAtOnce, count - answers.length)
    answers.push(...(await Promise.all(Array.from({ length }, () => get(port)))))
  }
  return answers
}

async function expectContent(t: Test, incoming: IncomingMessage, content: Buffer): Promise<void> {
  let at = 0
  let equal = true
  for await (const chunk of incoming) {
    equal &&= content.subarray(at, at + chunk.length).equals(chunk)
    at += chunk.length
  }
  if (!equal || at !== content.length) t.fail(`other bytes than the file's, or ${at} of ${content.length}`)
}
