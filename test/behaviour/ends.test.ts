// Connections that end in the middle of a file, from either side and in every way. Each is done with a file that is
// offloaded and with one that is not: the peer sees the same, and afterwards nothing is left of it.

import { once } from 'node:events'
import { createReadStream, readdirSync, readFileSync } from 'node:fs'
import type { RequestListener, ServerResponse } from 'node:http'
import net from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import tls from 'node:tls'
import { getStats, install, setOffload } from 'ktls-pipe'
import t, { type Test } from 'tap'
import { temporaryFolder, writeRandomFile } from '../support/files.js'
import { kernelTls, onlyWithKernelTls } from '../support/kernel.js'
import { connectOverWire, endsWithCloseNotify } from '../support/raw-tls-client.js'
import { startHttp, startHttps } from '../support/servers.js'
import { ofEachThread } from '../support/threads.mjs'
import { timeLimitMs } from '../support/time-limit.js'

const fileBytes = 64 * 2 ** 20 // more than the sockets' buffers hold
const idleMs = 300

t.setTimeout(timeLimitMs)
install({ threads: 1 }) // whose own descriptors are there after the first transfer

const file = writeRandomFile(temporaryFolder(t), fileBytes)

interface Situation {
  response: ServerResponse
  socket: net.Socket
  /** The client's TCP connection; below TLS, where there is TLS. */
  transport: net.Socket
  /** What the client reads from. */
  client: net.Socket
}

interface Way {
  name: string
  act: (situation: Situation) => void
  /** The client reads on afterwards. */
  reads: boolean
}

const ways: Way[] = [
  { name: 'the server destroys the socket', act: ({ socket }) => socket.destroy(), reads: true },
  { name: 'the server destroys the response', act: ({ response }) => response.destroy(), reads: true },
  { name: 'the server resets', act: ({ socket }) => socket.resetAndDestroy(), reads: true },
  { name: 'the server ends the socket', act: ({ socket }) => socket.end(), reads: true },
  { name: 'destroySoon', act: ({ socket }) => socket.destroySoon(), reads: true },
  { name: 'the client goes', act: ({ transport }) => transport.destroy(), reads: false },
  { name: 'the client resets', act: ({ transport }) => transport.resetAndDestroy(), reads: false },
  { name: 'the client ends, and reads on', act: ({ client }) => client.end(), reads: true },
  {
    name: 'the client is silent until the server gives up',
    act: ({ socket }) => socket.setTimeout(idleMs),
    reads: false,
  },
]

/** A TLSSocket cannot be reset: its handle is none of TCP (ERR_INVALID_HANDLE_TYPE). */
const waysOf = (scheme: string) => ways.filter(({ name }) => scheme === 'http' || name !== 'the server resets')

for (const scheme of ['https', 'http'] as const) {
  t.test(scheme, async (t) => {
    const server = await start(t, scheme)
    // The first transfer starts a thread, which keeps two descriptors.
    const first = await server.transferUnderWay(true)
    first.client.destroy()
    await new Promise((resolve) => first.socket.once('close', resolve))
    for (const { name, act, reads } of waysOf(scheme)) {
      await t.test(name, async (t) => {
        const outcomes = []
        for (const offloaded of [false, true]) {
          const descriptors = openDescriptors()
          const situation = await server.transferUnderWay(offloaded)
          const seen = observe(situation.client)
          const resets = resetsSent()
          const closed = new Promise((resolve) => situation.socket.once('close', resolve))
          act(situation)
          if (reads) situation.client.resume()
          await closed
          // Whoever does not read learns of the end when it does.
          situation.client.resume()
          // libuv takes a reset that comes while there is something left to read for an end: the kernel knows better.
          const how = await seen
          outcomes.push(name === 'the server resets' ? `${resetsSent() > resets ? 'reset' : 'not reset'}` : how)
          situation.client.destroy()
          situation.transport.destroy()
          while (openDescriptors() > descriptors || getStats().transfers.active > 0) await new Promise(setImmediate)
        }
        t.same(outcomes[1], outcomes[0], 'the client sees the same')
      })
    }
    await t.test('afterwards the threads have nothing to do', async (t) => {
      const before = ticksOfOurThreads()
      if (scheme === 'http' || kernelTls) t.ok(before.length > 0, 'there are threads')
      await wait(idleMs)
      t.ok(sum(ticksOfOurThreads()) - sum(before) <= 2, 'no thread is busy')
    })
  })
}

t.test('a connection that is kept alive for nothing ends with close_notify', onlyWithKernelTls, async (t) => {
  for (const how of ['the time is over', 'the server closes'] as const) {
    await t.test(how, async (t) => {
      const { server, port } = await startHttps(t, (_request, response) => {
        createReadStream(file.path, { end: 99_999 }).pipe(response.setHeader('Content-Length', 100_000))
      })
      server.keepAliveTimeout = how === 'the time is over' ? idleMs : 0
      const { wire, client } = await connectOverWire(port)
      const ended = once(client, 'end')
      const idle = once(server, 'request').then(([, response]) => once(response, 'close'))
      client.resume()
      client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
      await idle
      if (how === 'the server closes') server.closeIdleConnections()
      await ended
      t.ok(endsWithCloseNotify(wire, 'TLSv1.3'), 'the last record is an alert')
    })
  }
})

async function start(t: Test, scheme: 'http' | 'https') {
  let next: { offloaded: boolean; begun: (response: ServerResponse) => void }
  const listener: RequestListener = (_request, response) => {
    if (!next.offloaded) setOffload(response, false)
    const source = createReadStream(file.path)
    response.on('close', () => source.destroy()) // pipe() leaves it open
    source.pipe(response.setHeader('Content-Length', fileBytes))
    next.begun(response)
  }
  const { server, port } = scheme === 'https' ? await startHttps(t, listener) : await startHttp(t, listener)
  server.on('clientError', (_error, socket) => socket.destroy())

  /** A response of which the client has read the beginning, and that waits for it to read more. */
  const transferUnderWay = async (offloaded: boolean): Promise<Situation> => {
    const begun = new Promise<ServerResponse>((resolve) => {
      next = { offloaded, begun: resolve }
    })
    const transport = net.connect(port, '127.0.0.1')
    transport.on('error', () => {}) // told by observe()
    await once(transport, 'connect')
    const client = scheme === 'https' ? await secured(transport) : transport
    client.on('error', () => {})
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const response = await begun
    const { socket } = response as { socket: net.Socket }
    socket.on('error', () => {})
    await once(client, 'readable')
    if (offloaded && (kernelTls || scheme === 'http')) {
      while (getStats().transfers.active === 0) await new Promise(setImmediate) // until it is offloaded
    }
    return { response, socket, transport, client }
  }
  return { transferUnderWay }
}

async function secured(transport: net.Socket): Promise<tls.TLSSocket> {
  const client = tls.connect({ socket: transport, rejectUnauthorized: false })
  await once(client, 'secureConnect')
  return client
}

/** How the connection ended. */
async function observe(client: net.Socket): Promise<string> {
  let how = 'closed by itself'
  client.on('end', () => {
    how = 'ended'
  })
  client.on('error', (error: NodeJS.ErrnoException) => {
    how = `failed with ${error.code}`
  })
  if (!client.closed) await new Promise((resolve) => client.once('close', resolve))
  return how
}

/** RST segments, by anybody: proc_net(5), snmp. */
function resetsSent(): number {
  const [names = [], values = []] = readFileSync('/proc/net/snmp', 'latin1')
    .split('\n')
    .filter((line) => line.startsWith('Tcp:'))
    .map((line) => line.split(' '))
  return Number(values[names.indexOf('OutRsts')])
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length
}

/** CPU time of each of our threads, in ticks of 10 ms: proc_pid_stat(5), fields 14 and 15. */
function ticksOfOurThreads(): number[] {
  return ofEachThread('stat').flatMap((stat) => {
    const [, rest] = stat.split(/\(ktls-(?:sender|disk)\) /)
    return rest === undefined ? [] : [sum(rest.split(' ').slice(11, 13).map(Number))]
  })
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
