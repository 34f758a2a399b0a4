// Middleware: whoever wraps what bytes pass through sees every byte, and whoever wraps something else is no obstacle.

import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import http from 'node:http'
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { type Case, type Cases, played } from '../case.js'
import { Connection } from '../connection.js'
import { exchanged, held, largeBytes, offloaded, smallBytes } from '../exchange.js'
import { serveFiles } from '../file-server.js'

type Method = (...parameters: unknown[]) => unknown

export const cases: Cases = {
  'response.write, passed on': exchanged({ declined: 'response-wrapped' }, ({ open, response, record }) => {
    const seen = countBytes(response, 'write')
    response.on('finish', () => record.note('seen', seen.bytes))
    open().pipe(response)
  }),
  'response.write, changed': exchanged({ declined: 'response-wrapped' }, ({ open, response }) => {
    const write = response.write as Method
    response.write = ((chunk: Buffer) => write.call(response, flip(chunk))) as typeof response.write
    open().pipe(response)
  }),
  'response.write, wrapped in the middle': exchanged(
    { partly: 'response-wrapped' },
    async ({ response, letRead, record, pipeUntilUnderWay }) => {
      await pipeUntilUnderWay()
      const seen = countBytes(response, 'write')
      response.on('finish', () => record.note('seen some of it', seen.bytes > 0 && seen.bytes < largeBytes))
      letRead()
    },
    { ...held, cut: true },
  ),
  'response.write, wrapped and put back': offloaded(({ open, response }) => {
    const { write } = response
    response.write = () => false
    response.write = write
    open().pipe(response)
  }),
  'response.end': offloaded(({ open, response, record }) => {
    wrap(response, 'end', (...parameters) => record.note('end called', parameters.length))
    open().pipe(response)
  }),
  'response.writeHead': offloaded(({ open, response, record }) => {
    wrap(response, 'writeHead', (status) => {
      record.note('writeHead', status, response.headersSent)
      response.setHeader('X-Time', 'some')
    })
    open().pipe(response)
  }),
  'response.writeHead, called by the application': offloaded(({ open, response, record, size }) => {
    wrap(response, 'writeHead', (status) => record.note('writeHead', status, response.headersSent))
    response.writeHead(200, { 'Content-Length': size })
    open().pipe(response)
  }),
  'response.setHeader': offloaded(({ open, response, record, size }) => {
    wrap(response, 'setHeader', (name) => record.note('setHeader', name))
    response.setHeader('Content-Length', size)
    open().pipe(response)
  }),
  'response.on': offloaded(({ open, response }) => {
    wrap(response, 'on', () => {})
    open().pipe(response)
  }),
  'response.emit': offloaded(({ open, response, record }) => {
    wrap(response, 'emit', (event) => event !== 'drain' && record.note('emitted', event))
    open().pipe(response)
  }),
  'response.flushHeaders': offloaded(
    ({ open, response, record }) => {
      wrap(response, 'flushHeaders', () => record.note('flushed', response.headersSent))
      open().pipe(response)
    },
    { cut: true },
  ),
  'socket.write': exchanged({ declined: 'socket-wrapped' }, ({ open, response, socket }) => {
    wrap(socket, 'write', () => {})
    open().pipe(response)
  }),
  'socket.end and socket.destroy': offloaded(({ open, response, socket }) => {
    wrap(socket, 'end', () => {})
    wrap(socket, 'destroy', () => {})
    open().pipe(response)
  }),
  "the source's pipe": offloaded(({ open, response, record }) => {
    const source = open()
    wrap(source, 'pipe', (destination) => record.note('pipe called', destination === response))
    source.pipe(response)
  }),
  "the source's on": offloaded(({ open, response }) => {
    const source = open()
    wrap(source, 'on', () => {})
    source.pipe(response)
  }),
  "the source's emit": exchanged({ declined: 'source-wrapped' }, ({ open, response, record }) => {
    const source = open()
    let bytes = 0
    wrap(source, 'emit', (event, chunk) => {
      if (event === 'data') bytes += (chunk as Buffer).length
    })
    source.on('end', () => record.note('emitted', bytes))
    source.pipe(response)
  }),
  "another listener in the place of pipe()'s": exchanged({ declined: 'source-shared' }, ({ open, response }) => {
    const source = open()
    source.pipe(response)
    const [own] = source.listeners('data') as Method[]
    source.removeAllListeners('data')
    source.on('data', (chunk) => own?.(flip(chunk as Buffer)))
  }),
  "the source's on, which wraps pipe()'s listener": exchanged(
    { declined: 'source-shared' },
    ({ open, response, record }) => {
      const source = open()
      const { on } = source
      let bytes = 0
      source.on = ((event: string, listener: Method) =>
        Reflect.apply(on, source, [
          event,
          event !== 'data'
            ? listener
            : (chunk: Buffer) => {
                bytes += chunk.length
                listener(chunk)
              },
        ])) as typeof source.on
      source.pipe(response)
      source.on('end', () => record.note('seen', bytes))
    },
  ),
  'a writeHead that throws': exchanged(
    'nothing',
    async ({ open, response, record }) => {
      response.writeHead = () => {
        throw new Error('not this head')
      }
      const before = process.listeners('uncaughtException')
      process.removeAllListeners('uncaughtException')
      const uncaught = once(process, 'uncaughtException') // or, from Node 24 on, pipe() destroys the response
      const closed = once(response, 'close')
      const source = open()
      source.pipe(response)
      response.on('error', () => {})
      await Promise.race([uncaught.then(([error]) => record.note('uncaught', error)), closed])
      for (const listener of before) process.on('uncaughtException', listener)
      source.destroy()
      response.destroy()
    },
    { cut: true },
  ),
  'a response of another class': offloaded(({ open, response }) => open().pipe(response), {
    server: { ServerResponse: class extends http.ServerResponse {} } as never,
  }),
  'a response of another class, with a write of its own': exchanged(
    { declined: 'response-wrapped' },
    ({ open, response }) => open().pipe(response),
    { server: { ServerResponse: OwnResponse() } as never },
  ),
  'a response of another class, with a _writeRaw of its own': exchanged(
    { declined: 'response-wrapped' },
    ({ open, response }) => open().pipe(response),
    { server: { ServerResponse: OwnRawResponse() } as never },
  ),
  'a stream between': exchanged('nothing', ({ open, response }) => open().pipe(new PassThrough()).pipe(response)),
  'diagnostics channels of node:http': offloaded(async ({ response, record, pipeUntilUnderWay }) => {
    const listener = (message: unknown) => {
      if ((message as { response?: unknown }).response === response) record.note('channel finish')
    }
    channel('http.server.response.finish').subscribe(listener)
    response.on('close', () => channel('http.server.response.finish').unsubscribe(listener))
    await pipeUntilUnderWay()
  }),
  'the writes of a socket that has had a file': {
    expect: { partly: 'socket-wrapped' },
    play: async (stage) => {
      const server = await serveFiles(stage)
      const connection = await Connection.open(stage, server)
      const first = await connection.get('/file')
      let bytes = 0
      server.prependOnceListener('request', ({ socket }) => {
        const { _write: write, _writev: writev } = socket as unknown as Record<'_write' | '_writev', Method>
        const copy = (chunk: Buffer | string) => {
          bytes += chunk.length
          return typeof chunk === 'string' ? chunk : Buffer.concat([chunk])
        }
        Object.assign(socket, {
          _write: (chunk: Buffer, ...rest: unknown[]) => write.call(socket, copy(chunk), ...rest),
          _writev: (chunks: { chunk: Buffer; encoding: string }[], done: unknown) =>
            writev.call(
              socket,
              chunks.map(({ chunk, encoding }) => ({ chunk: copy(chunk), encoding })),
              done,
            ),
        })
      })
      return { first, second: await connection.get('/file'), bytes }
    },
  },
  'what the writes of a socket call': socketWrapped({
    _writeGeneric: (isBatch, data) =>
      isBatch === true ? (data as { chunk: Buffer }[]).map(({ chunk }) => chunk) : [data as Buffer],
  }),
  'the writes of a socket, by its prototype': socketWrapped({
    _write: (chunk) => [chunk as Buffer],
    _writev: (chunks) => (chunks as { chunk: Buffer }[]).map(({ chunk }) => chunk),
  }),
}

/** A file to a socket whose methods are wrapped, each with what it is given. */
function socketWrapped(methods: Record<string, (...parameters: unknown[]) => Buffer[]>): Case {
  return played({ declined: 'socket-wrapped' }, async (stage) => {
    const path = stage.files.make(smallBytes)
    let bytes = 0
    const server = await stage.serveSockets((socket) => {
      for (const [name, chunksOf] of Object.entries(methods)) {
        wrap(socket, name, (...parameters) => {
          for (const chunk of chunksOf(...parameters)) bytes += chunk.length
        })
      }
      createReadStream(path).pipe(socket)
    })
    const client: Socket = await stage.connect(server)
    client.resume()
    await once(client, 'close')
    return { bytes }
  })
}

/** Does something before each call of a method. */
function wrap(object: object, name: string, before: (...parameters: unknown[]) => unknown): void {
  const method = Reflect.get(object, name) as Method
  Reflect.set(object, name, function (this: unknown, ...parameters: unknown[]) {
    before(...parameters)
    return method.apply(this, parameters)
  })
}

function countBytes(object: object, name: string): { bytes: number } {
  const seen = { bytes: 0 }
  wrap(object, name, (chunk) => {
    seen.bytes += (chunk as Buffer).length
  })
  return seen
}

function flip(chunk: Buffer): Buffer {
  return Buffer.from(chunk).reverse()
}

function OwnResponse() {
  return class extends http.ServerResponse {
    override write(chunk: unknown): boolean {
      return super.write(chunk)
    }
  }
}

function OwnRawResponse() {
  return class extends http.ServerResponse {
    _writeRaw(...parameters: unknown[]): unknown {
      return Reflect.apply(Reflect.get(http.ServerResponse.prototype, '_writeRaw') as Method, this, parameters)
    }
  }
}
