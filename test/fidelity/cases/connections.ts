// What becomes of a connection on which a file was sent: more requests, other protocols, idle times, ends.

import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import type { IncomingMessage, Server } from 'node:http'
import type { ServerOptions } from 'node:https'
import type { Socket } from 'node:net'
import type { Case, Cases, Expectation } from '../case.js'
import { Connection } from '../connection.js'
import { deferred, describeBytes, largeBytes, smallBytes, until } from '../exchange.js'
import type { Stage } from '../stage.js'

export const cases: Cases = {
  'requests one after the other': played('offloaded', async (stage) => {
    const server = await serveFiles(stage)
    const connection = await Connection.open(stage, server)
    const answers = []
    for (const path of ['/file', '/small', '/file', '/chunked', '/small']) answers.push(await connection.get(path))
    return { answers, connections: await connectionsOf(server) }
  }),
  'pipelined requests': played('either', async (stage) => {
    const server = await serveFiles(stage)
    const connection = await Connection.open(stage, server)
    connection.ask('/file', '/small', '/chunked', '/file', '/small')
    const answers = []
    for (let i = 0; i < 5; ++i) answers.push(await connection.answer())
    return answers
  }),
  'pipelined files': played('either', async (stage) => {
    const server = await serveFiles(stage)
    const connection = await Connection.open(stage, server)
    connection.ask(...Array.from({ length: 12 }, () => '/file'))
    const answers = []
    for (let i = 0; i < 12; ++i) answers.push(await connection.answer())
    return answers
  }),
  'HTTP/1.0': played('offloaded', async (stage) => {
    const server = await serveFiles(stage)
    const connection = await Connection.open(stage, server)
    connection.socket.write('GET /chunked HTTP/1.0\r\n\r\n')
    return connection.rest()
  }),
  'HTTP/1.0 with keep-alive': played('offloaded', async (stage) => {
    const server = await serveFiles(stage)
    const connection = await Connection.open(stage, server)
    connection.socket.write('GET /file HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
    const first = await connection.answer()
    connection.socket.write('GET /file HTTP/1.0\r\n\r\n')
    return { first, rest: await connection.rest() }
  }),
  'Connection: close': played('offloaded', async (stage) => {
    const server = await serveFiles(stage)
    const connection = await Connection.open(stage, server)
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
    const server = await serveFiles(stage)
    const connection = await Connection.open(stage, server)
    const first = await connection.get('/file')
    connection.socket.write('NONSENSE\r\n\r\n')
    return { first, rest: await connection.rest() }
  }),
  maxRequestsPerSocket: played('offloaded', async (stage) => {
    const server = await serveFiles(stage)
    server.maxRequestsPerSocket = 2
    server.keepAliveTimeout = briefMs
    const connection = await Connection.open(stage, server)
    const answers = [await connection.get('/file'), await connection.get('/file')]
    return { answers, rest: await connection.rest() }
  }),

  keepAliveTimeout: played('offloaded', async (stage) => {
    const server = await serveFiles(stage)
    server.keepAliveTimeout = briefMs
    const connection = await Connection.open(stage, server)
    const first = await connection.get('/file')
    return { first, rest: await connection.rest() }
  }),
  'requestTimeout, while a file is being sent': played('offloaded', async (stage) => {
    const server = await serveFiles(stage, {
      requestTimeout: 300,
      headersTimeout: 200,
      connectionsCheckingInterval: 50,
    })
    const connection = await Connection.open(stage, server)
    connection.ask('/large')
    await connection.begun()
    await idle(600)
    return connection.answer()
  }),
  'requestTimeout, by a request that stays incomplete': played('offloaded', async (stage) => {
    const server = await serveFiles(stage, {
      requestTimeout: 300,
      headersTimeout: 200,
      connectionsCheckingInterval: 50,
    })
    const connection = await Connection.open(stage, server)
    const first = await connection.get('/file')
    connection.socket.write('GET /file HTTP/1.1\r\n')
    return { first, rest: await connection.rest() }
  }),
  'server.timeout, by a client that stops reading': timedOut(async (server) => {
    server.timeout = 400
  }),
  'socket.setTimeout, by a client that stops reading': timedOut(async (server) => {
    server.on('request', (request) => request.socket.setTimeout(400))
  }),
  'response.setTimeout, by a client that stops reading': timedOut(async (server) => {
    server.on('request', (_request, response) => response.setTimeout(400, () => response.destroy()))
  }),
  'a timeout, while a slow client advances': played('offloaded', async (stage) => {
    const server = await serveFiles(stage)
    server.timeout = 1000
    let timeouts = 0
    server.on('timeout', (socket: Socket) => {
      timeouts++
      socket.destroy()
    })
    const connection = await Connection.open(stage, server)
    connection.ask('/large')
    await connection.begun()
    // So many bytes each time that the server can go on each time: it is never still for as long as its timeout.
    for (let i = 0; i < 10; ++i) {
      await idle(150)
      await connection.readSome(1.5 * 2 ** 20)
    }
    return { answer: await connection.answer(), timeouts }
  }),

  'closeIdleConnections, after a file': played('offloaded', async (stage) => {
    const server = await serveFiles(stage)
    const connection = await Connection.open(stage, server)
    const answered = responseClosed(server)
    const first = await connection.get('/file')
    await answered
    server.closeIdleConnections()
    return { first, rest: await connection.rest() }
  }),
  'closeIdleConnections, in the middle of a file': played('offloaded', async (stage) => {
    const server = await serveFiles(stage)
    const connection = await Connection.open(stage, server)
    connection.ask('/large')
    await connection.begun()
    server.closeIdleConnections()
    return connection.answer()
  }),
  'closeAllConnections, in the middle of a file': played('cut', async (stage) => {
    const server = await serveFiles(stage)
    const answered = responseClosed(server)
    const connection = await Connection.open(stage, server)
    connection.ask('/large')
    await connection.begun()
    server.closeAllConnections()
    await answered
    const { bytes, hadError } = await connection.ended()
    return { whole: bytes.length >= largeBytes, hadError }
  }),
  'server.close, in the middle of a file': played('offloaded', async (stage) => {
    const server = await serveFiles(stage)
    server.keepAliveTimeout = briefMs
    const connection = await Connection.open(stage, server)
    connection.ask('/large')
    await connection.begun()
    const closed = once(server, 'close')
    server.close()
    const answer = await connection.answer()
    await closed
    return { answer, rest: await connection.rest() }
  }),

  'upgrade after a file': played('offloaded', async (stage) => {
    const server = await serveFiles(stage)
    server.on('upgrade', (_request, socket: Socket, head: Buffer) => {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n${head}`)
      socket.pipe(socket)
    })
    const connection = await Connection.open(stage, server)
    const first = await connection.get('/file')
    connection.socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    const head = await connection.head()
    connection.socket.write('and back')
    const echo = (await connection.take(8)).toString()
    connection.socket.end()
    return { first, head, echo, rest: await connection.rest() }
  }),
  'upgrade, and a file over the new protocol': played('offloaded', async (stage) => {
    const server = await serveFiles(stage)
    const path = stage.files.make(smallBytes)
    server.on('upgrade', (_request, socket: Socket) => {
      stage.judge(socket)
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: file\r\nConnection: Upgrade\r\n\r\n')
      createReadStream(path).pipe(socket)
    })
    const connection = await Connection.open(stage, server)
    connection.socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: file\r\n\r\n')
    return { head: await connection.head(), rest: await connection.rest() }
  }),
  'CONNECT after a file': played('offloaded', async (stage) => {
    const server = await serveFiles(stage)
    server.on('connect', (_request, socket: Socket) => {
      socket.write('HTTP/1.1 200 Connected\r\n\r\n')
      socket.pipe(socket)
    })
    const connection = await Connection.open(stage, server)
    const first = await connection.get('/file')
    connection.socket.write('CONNECT there:1 HTTP/1.1\r\nHost: there:1\r\n\r\n')
    const head = await connection.head()
    connection.socket.write('and back')
    const echo = (await connection.take(8)).toString()
    connection.socket.end()
    return { first, head, echo, rest: await connection.rest() }
  }),

  'an abort before the answer': aborted(async (connection) => connection.socket.destroy()),
  'an abort at the head': aborted(async (connection) => {
    await connection.begun()
    connection.socket.destroy()
  }),
  'an abort in the middle': aborted(async (connection) => {
    await connection.readSome(largeBytes / 2)
    connection.socket.destroy()
  }),
  'an end in the middle, and reading on': played('cut', async (stage) => {
    const server = await serveFiles(stage)
    const connection = await Connection.open(stage, server)
    connection.ask('/large')
    await connection.begun()
    connection.socket.end()
    const { bytes, hadError } = await connection.ended()
    return { whole: bytes.length >= largeBytes, hadError }
  }),
  'a file to a socket': played('offloaded', async (stage) => {
    const path = stage.files.make(smallBytes)
    const server = await stage.serveSockets((socket) => {
      socket.on('error', stage.record.callback('socket error'))
      createReadStream(path).pipe(socket)
    })
    return (await Connection.open(stage, server)).rest()
  }),
  'words and files to a socket, in their order': played('offloaded', async (stage) => {
    const path = stage.files.make(smallBytes)
    const server = await stage.serveSockets((socket) => {
      socket.write('one')
      const first = createReadStream(path)
      first.pipe(socket, { end: false })
      first.on('end', () => {
        socket.write('two', stage.record.callback('written'))
        socket.cork()
        socket.write('three')
        socket.write(Buffer.from('four'))
        socket.uncork()
        createReadStream(path, { start: 7 }).pipe(socket)
      })
    })
    return { rest: await (await Connection.open(stage, server)).rest(), events: stage.record.seen(false) }
  }),
  'files in both directions': played('offloaded', async (stage) => {
    const path = stage.files.make(smallBytes)
    const chunks: Buffer[] = []
    const received = deferred<void>()
    const server = await stage.serveSockets(
      (socket) => {
        socket.on('data', (chunk) => chunks.push(chunk))
        socket.on('end', received.resolve)
        createReadStream(path).pipe(socket)
      },
      { allowHalfOpen: true },
    )
    const connection = await Connection.open(stage, server)
    const fromServer = connection.rest()
    createReadStream(path, { start: 1000 }).pipe(connection.socket)
    await Promise.all([fromServer, received.promise])
    return { fromServer: await fromServer, fromClient: describeBytes(Buffer.concat(chunks)) }
  }),
  'an upload by a client': played('offloaded', async (stage) => {
    const path = stage.files.make(largeBytes)
    const chunks: Buffer[] = []
    const server = await stage.serveHttp((request, response) => {
      request.on('data', (chunk) => chunks.push(chunk))
      request.on('end', () => response.end('thanks'))
    })
    const outgoing = stage.request(server, { method: 'PUT' })
    stage.judge(outgoing)
    stage.record.watch('request', outgoing, ['finish', 'close', 'error', 'pipe', 'unpipe'])
    createReadStream(path).pipe(outgoing)
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
    incoming.resume()
    await until(incoming, 'close')
    return { sent: describeBytes(Buffer.concat(chunks)), events: stage.record.seen(true) }
  }),
  'an upload that waits for 100-continue': played('offloaded', async (stage) => {
    const path = stage.files.make(smallBytes)
    const chunks: Buffer[] = []
    const server = await stage.serveHttp((request, response) => {
      request.on('data', (chunk) => chunks.push(chunk))
      request.on('end', () => response.end('thanks'))
    })
    const outgoing = stage.request(server, {
      method: 'PUT',
      headers: { Expect: '100-continue', 'Content-Length': smallBytes },
    })
    stage.judge(outgoing)
    outgoing.on('continue', () => createReadStream(path).pipe(outgoing))
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
    incoming.resume()
    await until(incoming, 'close')
    return describeBytes(Buffer.concat(chunks))
  }),
}

function played(expect: Expectation, play: (stage: Stage) => Promise<unknown>): Case {
  return { expect, play }
}

const briefMs = 150

const sizes: Record<string, number> = { '/file': smallBytes, '/chunked': smallBytes, '/large': largeBytes }

/** A server of files by their size; everything else is a word. */
async function serveFiles(stage: Stage, options: ServerOptions = {}): Promise<Server> {
  const paths = Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, stage.files.make(size)]))
  return stage.serveHttp((request, response) => {
    const path = paths[request.url ?? '']
    response.sendDate = false
    if (path === undefined) {
      response.end('a word')
      return
    }
    if (request.url === '/file') response.setHeader('Content-Length', smallBytes)
    const source = createReadStream(path)
    response.on('close', () => source.destroy())
    source.pipe(response)
  }, options)
}

/** A client that takes the head of a large file, and then nothing any more. */
function timedOut(arrange: (server: Server) => Promise<void>): Case {
  return played('cut', async (stage) => {
    const server = await serveFiles(stage)
    await arrange(server)
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
function aborted(leave: (connection: Connection) => Promise<unknown>): Case {
  return played('either', async (stage) => {
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
    const asked = once(server, 'request')
    await asked
    await leave(connection)
    return closed
  })
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
  })
}

/** Until the server has done with its next response. */
function responseClosed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.once('request', (_request, response) => response.on('close', resolve))
  })
}

/** Time that has to pass, because the case is about it. */
function idle(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
