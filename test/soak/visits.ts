// Clients of every kind: those that take what they asked for, and those that stall, leave or die on the way.

import { once } from 'node:events'
import type http from 'node:http'
import net from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type Received, request, type Scheme } from '../support/http-client.js'
import type { SeededRandom } from '../support/random.js'
import { type Connection, withConnection } from './connection.js'

/** The server, as its clients know it. */
export interface Host {
  scheme: Scheme
  port: number
  /** What it serves. */
  content: Buffer
  random: SeededRandom
}

/** What is wrong with what came; nothing if all is well. */
export type Visit = (host: Host) => Promise<string | undefined>

export const visits: Record<string, Visit> = {
  'takes one file': (host) => withConnection(host, (connection) => fetchWhole(host, connection)),

  'takes several on one connection': (host) =>
    withConnection(host, async (connection) => {
      for (let count = host.random.integer(2, 5); count > 0; count--) {
        const wrong = await fetchWhole(host, connection)
        if (wrong !== undefined) return wrong
      }
      return undefined
    }),

  'takes it slowly': (host) =>
    withConnection(host, (connection) => fetchWhole(host, connection, host.random.integer(1, 40))),

  'takes nothing for a while': (host) =>
    withConnection(host, async (connection) => {
      const incoming = await ask(host, connection, host.content.length)
      await delay(host.random.integer(100, 3000))
      return whatIsMissing(host, host.content.length, await take(incoming))
    }),

  'takes nothing until it is thrown out': (host) =>
    withConnection(host, async ({ socket, closed }) => {
      // If the buffers take all of it there is nothing to be impatient about, and the connection ends with the response.
      const head = 'Host: localhost\r\nConnection: close\r\n\r\n'
      socket.write(`GET /${host.content.length}/impatient HTTP/1.1\r\n${head}`)
      await delay(host.random.integer(500, 3000)) // without having read it would not hear of it
      socket.resume()
      await closed
      return undefined
    }),

  'leaves on the way': (host) => withConnection(host, (connection) => fetchPart(host, connection)),

  'dies on the way': (host) =>
    withConnection(host, async (connection) => {
      const wrong = await fetchPart(host, connection)
      connection.reset()
      return wrong
    }),

  'ends its side at once': (host) =>
    withConnection(host, async ({ socket, closed }) => {
      socket.end(`GET /${randomSize(host)} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      socket.resume()
      await closed
      return undefined
    }),

  'asks for half of something': (host) =>
    withConnection(host, async ({ socket }) => {
      socket.write('GET / HTT')
      await delay(host.random.integer(0, 300))
      return undefined
    }),

  async 'leaves before it has said anything'({ port, random }) {
    const socket = net.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    if (random.integer(0, 1) === 0) socket.resetAndDestroy()
    else socket.destroy()
    await once(socket, 'close')
    return undefined
  },
}

function randomSize({ content, random }: Host): number {
  return random.pick([1, 1000, random.integer(1, 100_000), random.integer(1, content.length), content.length])
}

async function ask({ scheme, port }: Host, { agent }: Connection, bytes: number, framing = '') {
  return await request(scheme, port, { agent, path: `/${bytes}${framing}` })
}

async function fetchWhole(host: Host, connection: Connection, pauseMs = 0): Promise<string | undefined> {
  const bytes = randomSize(host)
  const received = await take(await ask(host, connection, bytes, host.random.pick(['', '/chunked'])), { pauseMs })
  return whatIsMissing(host, bytes, received)
}

function whatIsMissing(host: Host, bytes: number, received: Received): string | undefined {
  if (received.aborted) return `cut off after ${received.bytes.length} of ${bytes} bytes`
  if (received.bytes.length !== bytes) return `${received.bytes.length} instead of ${bytes} bytes`
  return mismatch(host, received)
}

async function fetchPart(host: Host, connection: Connection): Promise<string | undefined> {
  const incoming = await ask(host, connection, host.content.length)
  const leaveAfterBytes = host.random.integer(0, host.content.length - 1)
  const received = await take(incoming, { leaveAfterBytes })
  if (received.bytes.length <= leaveAfterBytes) return `cut off after ${received.bytes.length} bytes`
  return mismatch(host, received)
}

/** Reads a body to its end, or as far as it comes or is wanted. */
async function take(incoming: http.IncomingMessage, { pauseMs = 0, leaveAfterBytes = Number.POSITIVE_INFINITY } = {}) {
  const received: Received = { bytes: Buffer.alloc(0), aborted: false }
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of incoming) {
      chunks.push(chunk)
      size += chunk.length
      if (size > leaveAfterBytes) break
      if (pauseMs > 0) await delay(pauseMs)
    }
  } catch {
    received.aborted = true
  }
  received.bytes = Buffer.concat(chunks)
  return received
}

function mismatch({ content }: Host, { bytes }: Received): string | undefined {
  return bytes.equals(content.subarray(0, bytes.length)) ? undefined : `${bytes.length} bytes are not the file's`
}
