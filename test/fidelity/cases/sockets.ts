// Sockets that files are piped into without an HTTP response, from a server or from a client.

import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import type { ClientRequest, IncomingMessage, Server } from 'node:http'
import net, { type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { type Cases, played } from '../case.js'
import { describeBytes } from '../client.js'
import { Connection } from '../connection.js'
import { largeBytes, smallBytes } from '../exchange.js'
import { serveFiles } from '../file-server.js'
import type { Stage } from '../stage.js'
import { deferred, turns, until } from '../waiting.js'

export const cases: Cases = {
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
    // Without it a client ends its side when the server has ended its own, wherever the upload is.
    const connection = await Connection.open(stage, server, { allowHalfOpen: true })
    const fromServer = connection.rest()
    createReadStream(path, { start: 1000 }).pipe(connection.socket)
    await Promise.all([fromServer, received.promise])
    return { fromServer: await fromServer, fromClient: describeBytes(Buffer.concat(chunks)) }
  }),
  'a request over a stream of the application': played({ declined: 'socket-not-tcp' }, async (stage) => {
    const path = stage.files.make(smallBytes)
    const { server, uploaded } = await serveUploads(stage)
    const below = await stage.connect(server)
    const outgoing = stage.request(server, {
      method: 'PUT',
      agent: undefined,
      createConnection: () => new Wrapping(below) as unknown as Socket,
    })
    stage.judge(outgoing)
    createReadStream(path).pipe(outgoing)
    await answered(outgoing)
    return uploaded()
  }),
  'a client that resets while a file waits behind other bytes': played('if at all', async (stage) => {
    const path = stage.files.make(largeBytes)
    const gone = deferred<object>()
    const server = await stage.serveSockets((socket) => {
      const source = createReadStream(path)
      const errors: unknown[] = []
      source.on('error', (error) => errors.push(error.message))
      socket.on('error', () => {})
      socket.on('close', () => setImmediate(() => gone.resolve({ errors, sourceDestroyed: source.destroyed })))
      socket.resume()
      source.pipe(socket)
      socket.write(Buffer.alloc(largeBytes))
      source.once('ready', () => socket.write('and more'))
    })
    const connection = await Connection.open(stage, server)
    await connection.readSome(largeBytes / 8)
    connection.socket.destroy() // with bytes unread, which is a reset
    return gone.promise
  }),
  'a socket that was never connected': played({ declined: 'destination-unavailable' }, async (stage) => {
    const path = stage.files.make(smallBytes)
    const socket = new net.Socket()
    stage.judge(socket)
    stage.record.watch('socket', socket, ['error', 'finish', 'close'])
    createReadStream(path).pipe(socket)
    await until(socket, 'close')
    return stage.record.seen(false)
  }),
  'an upload by a client': played('offloaded', async (stage) => {
    const path = stage.files.make(largeBytes)
    const { server, uploaded } = await serveUploads(stage)
    const outgoing = stage.request(server, { method: 'PUT' })
    stage.judge(outgoing)
    stage.record.watch('request', outgoing, ['finish', 'close', 'error', 'pipe', 'unpipe'])
    createReadStream(path).pipe(outgoing)
    await answered(outgoing)
    return { sent: uploaded(), events: stage.record.seen(true) }
  }),
  'an upload that is answered before its end, and the connection closed': played('either', async (stage) => {
    const path = stage.files.make(2 * largeBytes)
    // It goes on reading: a reset could be faster than its answer, whoever sends the file.
    const server = await stage.serveSockets((socket) => {
      socket.on('error', () => {}).resume()
      socket.once('data', () => {
        socket.end('HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 9\r\n\r\ntoo large')
      })
    })
    const outgoing = stage.request(server as Server, { method: 'PUT', agent: undefined })
    stage.judge(outgoing)
    stage.record.watch('request', outgoing, ['error', 'close'])
    createReadStream(path).pipe(outgoing)
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
    const answer = describeBytes(Buffer.concat(await incoming.toArray()))
    await until(outgoing, 'close')
    return { status: incoming.statusCode, answer, complete: incoming.complete, events: stage.record.seen(false) }
  }),
  'a file that is taken away from a request that waits for its connection': played('nothing', async (stage) => {
    const path = stage.files.make(smallBytes)
    const { server } = await serveUploads(stage)
    const outgoing = stage.request(server, {
      method: 'PUT',
      agent: undefined,
      createConnection: () => undefined as never,
    })
    stage.judge(outgoing)
    outgoing.on('error', () => {})
    const source = createReadStream(path)
    source.pipe(outgoing)
    await once(source, 'ready')
    await turns(5)
    source.unpipe(outgoing)
    const chunks: Buffer[] = []
    source.on('data', (chunk) => chunks.push(chunk as Buffer))
    source.resume()
    await once(source, 'end')
    outgoing.destroy()
    return chunks.length > 0
  }),
  'an upload that waits for 100-continue': played('offloaded', async (stage) => {
    const path = stage.files.make(smallBytes)
    const { server, uploaded } = await serveUploads(stage)
    const outgoing = stage.request(server, {
      method: 'PUT',
      headers: { Expect: '100-continue', 'Content-Length': smallBytes },
    })
    stage.judge(outgoing)
    outgoing.on('continue', () => createReadStream(path).pipe(outgoing))
    await answered(outgoing)
    return uploaded()
  }),
}

/** A class, as applications have them: its write methods are its prototype's. */
class Wrapping extends Duplex {
  readonly #below: Socket

  constructor(below: Socket) {
    super()
    this.#below = below
    below.on('data', (chunk) => this.push(chunk)).on('end', () => this.push(null))
  }

  override _read(): void {}

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#below.write(chunk, encoding, callback)
  }

  override _final(callback: () => void): void {
    this.#below.end(callback)
  }
}

/** A server that takes one upload. */
async function serveUploads(stage: Stage) {
  const chunks: Buffer[] = []
  const server = await stage.serveHttp((request, response) => {
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => response.end('thanks'))
  })
  return { server, uploaded: () => describeBytes(Buffer.concat(chunks)) }
}

/** Until the answer is there, and the request has heard that its last bytes were taken, whichever comes first. */
async function answered(outgoing: ClientRequest): Promise<void> {
  const closed = once(outgoing, 'close')
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  incoming.resume()
  await until(incoming, 'close')
  await closed
}
