// Connections on which nothing happens, or no more: timeouts, closing servers, clients that leave.

import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ownKernel } from '../../support/network-buffers.js'
import { type Case, type Cases, type Expectation, played } from '../case.js'
import { Connection } from '../connection.js'
import { largeBytes } from '../exchange.js'
import { briefMs, connectToFiles, responseClosed, serveFiles } from '../file-server.js'

// An emulated machine takes its time for a step, and a busy one has let plain Node wait for a second.
const stepMs = ownKernel ? 500 : 250

const shortTimeouts = {
  requestTimeout: 3 * stepMs,
  headersTimeout: 2 * stepMs,
  connectionsCheckingInterval: stepMs / 2,
}

export const cases: Cases = {
  keepAliveTimeout: played('offloaded', async (stage) => {
    const { connection } = await connectToFiles(stage, { keepAliveTimeout: briefMs })
    const first = await connection.get('/file')
    return { first, rest: await connection.rest() }
  }),
  'requestTimeout, while a file is being sent': played('offloaded', async (stage) => {
    const { connection } = await connectToFiles(stage, {}, shortTimeouts)
    connection.ask('/large')
    await connection.begun()
    await idle(6 * stepMs)
    return connection.answer()
  }),
  'requestTimeout, by a request that stays incomplete': played('offloaded', async (stage) => {
    const { connection } = await connectToFiles(stage, {}, shortTimeouts)
    const first = await connection.get('/file')
    connection.socket.write('GET /file HTTP/1.1\r\n')
    return { first, rest: await connection.rest() }
  }),
  'server.timeout, by a client that stops reading': timedOut((server) => {
    server.timeout = 400
  }),
  'socket.setTimeout, by a client that stops reading': timedOut((server) => {
    server.on('request', (request) => request.socket.setTimeout(400))
  }),
  'response.setTimeout, by a client that stops reading': timedOut((server) => {
    server.on('request', (_request, response) => response.setTimeout(400, () => response.destroy()))
  }),
  'a timeout, while a slow client advances': played('offloaded', async (stage) => {
    const server = await serveFiles(stage)
    server.timeout = 10 * stepMs
    let timeouts = 0
    server.on('timeout', (socket: Socket) => {
      timeouts++
      socket.destroy()
    })
    const connection = await Connection.open(stage, server)
    connection.ask('/large')
    await connection.begun()
    // So many bytes each time that the server can go on each time: it is never still for as long as its timeout.
    for (let i = 0; i < 12; ++i) {
      await idle(stepMs)
      await connection.readSome(1.25 * 2 ** 20)
    }
    return { answer: await connection.answer(), timeouts }
  }),
  'a timeout that is set in the middle of a file, while a slow client advances': played('offloaded', async (stage) => {
    const server = await serveFiles(stage)
    let timeouts = 0
    const asked = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>
    const connection = await Connection.open(stage, server)
    connection.ask('/large')
    await connection.begun()
    const [, response] = await asked
    response.setTimeout(10 * stepMs, () => timeouts++)
    for (let i = 0; i < 12; ++i) {
      await idle(stepMs)
      await connection.readSome(1.25 * 2 ** 20)
    }
    return { answer: await connection.answer(), timeouts }
  }),

  'closeIdleConnections, after a file': played('offloaded', async (stage) => {
    const { server, connection } = await connectToFiles(stage)
    const answered = responseClosed(server)
    const first = await connection.get('/file')
    await answered
    server.closeIdleConnections()
    return { first, rest: await connection.rest() }
  }),
  'closeIdleConnections, in the middle of a file': played('offloaded', async (stage) => {
    const { server, connection } = await connectToFiles(stage)
    connection.ask('/large')
    await connection.begun()
    server.closeIdleConnections()
    return connection.answer()
  }),
  'closeAllConnections, in the middle of a file': played('cut', async (stage) => {
    const { server, connection } = await connectToFiles(stage)
    const answered = responseClosed(server)
    connection.ask('/large')
    await connection.readSome(largeBytes / 8)
    server.closeAllConnections()
    await answered
    const { bytes, hadError } = await connection.ended()
    return { whole: bytes.length >= largeBytes, hadError }
  }),
  'server.close, in the middle of a file': played('offloaded', async (stage) => {
    const { server, connection } = await connectToFiles(stage, { keepAliveTimeout: briefMs })
    connection.ask('/large')
    await connection.begun()
    const closed = once(server, 'close')
    server.close()
    const answer = await connection.answer()
    await closed
    return { answer, rest: await connection.rest() }
  }),

  'an abort before the answer': aborted('if at all', async (connection) => connection.socket.destroy()),
  'an abort at the head': aborted('either', async (connection) => {
    await connection.begun()
    connection.socket.destroy()
  }),
  // Not at the half: the connection could hold what is left, and then the response has been finished.
  'an abort in the middle': aborted('either', async (connection) => {
    await connection.readSome(largeBytes / 8)
    connection.socket.destroy()
  }),
}

/** A client that takes the head of a large file, and then nothing any more. */
function timedOut(arrange: (server: Server) => void): Case {
  return played('cut', async (stage) => {
    const server = await serveFiles(stage)
    arrange(server)
    const gone = new Promise<string>((resolve) => {
      server.on('connection', (socket) => socket.on('close', (hadError) => resolve(`closed, error: ${hadError}`)))
    })
    const connection = await Connection.open(stage, server)
    connection.ask('/large')
    await connection.begun()
    return { server: await gone }
  })
}

/** A client that leaves. */
function aborted(expect: Expectation, leave: (connection: Connection) => Promise<unknown>): Case {
  return played(expect, async (stage) => {
    const server = await serveFiles(stage)
    const closed = new Promise<object>((resolve) => {
      server.on('request', (request, response) => {
        response.on('close', () => {
          resolve({
            finished: response.writableFinished,
            destroyed: response.destroyed,
            requestDestroyed: request.destroyed,
          })
        })
      })
    })
    const connection = await Connection.open(stage, server)
    connection.ask('/large')
    await once(server, 'request')
    await leave(connection)
    return closed
  })
}

/** Time that has to pass, because the case is about it. */
function idle(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
