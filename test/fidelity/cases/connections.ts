// What becomes of a connection on which a file was sent: more requests, other protocols, idle times, ends.

import { createReadStream } from 'node:fs'
import type { Server } from 'node:http'
import { type Cases, played } from '../case.js'
import { Connection } from '../connection.js'
import { largeBytes, smallBytes } from '../exchange.js'
import { briefMs, connectToFiles, responseClosed } from '../file-server.js'

export const cases: Cases = {
  'requests one after the other': played('offloaded', async (stage) => {
    const { server, connection } = await connectToFiles(stage)
    const answers = []
    for (const path of ['/file', '/small', '/file', '/chunked', '/small']) answers.push(await connection.get(path))
    return { answers, connections: await connectionsOf(server) }
  }),
  'pipelined requests': played('either', async (stage) => {
    const { connection } = await connectToFiles(stage)
    connection.ask('/file', '/small', '/chunked', '/file', '/small')
    const answers = []
    for (let i = 0; i < 5; ++i) answers.push(await connection.answer())
    return answers
  }),
  'pipelined files': played('either', async (stage) => {
    const { connection } = await connectToFiles(stage)
    connection.ask(...Array.from({ length: 12 }, () => '/file'))
    const answers = []
    for (let i = 0; i < 12; ++i) answers.push(await connection.answer())
    return answers
  }),
  'HTTP/1.0': played('offloaded', async (stage) => {
    const { connection } = await connectToFiles(stage)
    connection.socket.write('GET /chunked HTTP/1.0\r\n\r\n')
    return connection.rest()
  }),
  'HTTP/1.0 with keep-alive': played('offloaded', async (stage) => {
    const { connection } = await connectToFiles(stage)
    connection.socket.write('GET /file HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
    const first = await connection.answer()
    connection.socket.write('GET /file HTTP/1.0\r\n\r\n')
    return { first, rest: await connection.rest() }
  }),
  'Connection: close': played('offloaded', async (stage) => {
    const { connection } = await connectToFiles(stage)
    connection.socket.write('GET /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    return connection.rest()
  }),
  'the client ends its side before the file is piped': played('nothing', async (stage) => {
    const path = stage.files.make(smallBytes)
    const server = await stage.serveHttp((request, response) => {
      request.socket.on('end', () => createReadStream(path).pipe(response))
    })
    const connection = await Connection.open(stage, server)
    connection.socket.end('GET /file HTTP/1.1\r\nHost: x\r\n\r\n')
    return connection.rest()
  }),
  'the client ends its side while a file is sent': played('either', async (stage) => {
    const { server, connection } = await connectToFiles(stage)
    const told: unknown[] = []
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      told.push(error.code)
      socket.destroy()
    })
    const heard = new Promise((resolve) => {
      server.on('request', (request) => request.socket.on('end', resolve))
    })
    const answered = responseClosed(server)
    connection.ask('/large')
    await connection.begun()
    connection.socket.end()
    // How much comes is chance. If it read on at once, all might: the range that is under way when the server hears of the
    // end may be the last.
    await heard
    const { bytes, hadError } = await connection.ended()
    await answered
    return { told, cutOff: bytes.length < largeBytes, hadError }
  }),
  'the client ends its side before, and the server allows that': played('either', async (stage) => {
    const path = stage.files.make(smallBytes)
    const server = await stage.serveHttp((request, response) => {
      response.sendDate = false
      request.socket.on('end', () => createReadStream(path).pipe(response))
    })
    Object.assign(server, { httpAllowHalfOpen: true })
    const connection = await Connection.open(stage, server)
    connection.socket.end('GET /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    return connection.rest()
  }),
  'a request that is none, after a file': played('offloaded', async (stage) => {
    const { server, connection } = await connectToFiles(stage)
    const answered = responseClosed(server)
    const first = await connection.get('/file')
    await answered // while the server is not done with it, it would say nothing of another
    connection.socket.write('NONSENSE\r\n\r\n')
    return { first, rest: await connection.rest() }
  }),
  maxRequestsPerSocket: played('offloaded', async (stage) => {
    const { connection } = await connectToFiles(stage, { maxRequestsPerSocket: 2, keepAliveTimeout: briefMs })
    const answers = [await connection.get('/file'), await connection.get('/file')]
    return { answers, rest: await connection.rest() }
  }),
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
  })
}
