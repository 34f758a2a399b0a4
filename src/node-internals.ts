/**
 * What ktls-pipe uses of Node without it being documented, in one place. Each was looked at in Node 20, 22, 24 and 26;
 * whatever is missing at run time must end in a fallback, never in an exception.
 */
import type { ReadStream } from 'node:fs'
import type { OutgoingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import type { TLSSocket } from 'node:tls'

/** libuv's stream, or TLSWrap on top of one. */
export interface StreamHandle {
  readonly fd?: number
  readonly writeQueueSize?: number
  readonly bytesWritten?: number
  /** What a TLSWrap writes to. */
  readonly _parent?: StreamHandle
  /** Of a TLSWrap; tlsSocket's methods of these names call them. */
  enableTrace?(): void
  setMaxSendFragment?(bytes: number): number
}

export type WriteCallback = (error?: Error | null) => void

export interface BufferedChunk {
  chunk: Buffer | string
  encoding: BufferEncoding | 'buffer'
}

/** `allBuffers` tells Node's own _writev that it need not convert. */
export type ChunkBatch = BufferedChunk[] & { allBuffers?: boolean }

export interface SocketInternals {
  _handle: StreamHandle | null
  /** The message that is being sent on a socket that node:http has. */
  _httpMessage?: OutgoingMessage | null
  /** Of a server's connection that speaks HTTP. */
  parser?: object | null
  /** The connection below a TLSSocket. */
  _parent?: InternalSocket | null
  /** Set by resetAndDestroy() until _destroy has seen it. */
  resetAndClosing?: boolean
  /** Starts the idle timer anew, as every write of Node's does. */
  _unrefTimer(): void
  /** Ends, then destroys. */
  destroySoon(): void
  _write(chunk: Buffer | string, encoding: BufferEncoding | 'buffer', callback: WriteCallback): void
  _writev(chunks: ChunkBatch, callback: WriteCallback): void
  /** What both call. */
  readonly _writeGeneric: unknown
  /** What was written and not yet given to _write or _writev. Null: it is being given just now. */
  readonly writableBuffer: readonly (BufferedChunk | null)[]
  /** What the idle timer calls, bound when it is set. */
  _onTimeout(): void
  _final(callback: WriteCallback): void
  _destroy(error: Error | null, callback: WriteCallback): void
}

export type InternalSocket = Omit<Socket, keyof SocketInternals> & SocketInternals
export type InternalTlsSocket = Omit<TLSSocket, keyof SocketInternals> & SocketInternals

export interface MessageInternals {
  _header: string | null
  _hasBody: boolean
  /** What was written while there was no socket to write to. */
  outputData: unknown[]
  chunkedEncoding: boolean
  strictContentLength?: boolean
  /** The connection is to be kept for another exchange. Read until the end of this one. */
  shouldKeepAlive: boolean
  /** Of a response: the connection ends with it. */
  _last: boolean
  /** Of a request: its answer has been read to the end. */
  _ended?: boolean
  _send: unknown
  _writeRaw: unknown
  /** Makes the head, with what has been set, unless there is one. */
  _implicitHeader(): void
}

export type InternalMessage = Omit<OutgoingMessage, keyof MessageInternals> & MessageInternals

export interface SourceInternals {
  fd: number | null
  /** Undefined: the descriptor's own offset is read from. */
  pos: number | undefined
  /** Undefined: it was given a descriptor, and has not opened one itself. */
  flags?: string | number
  /** Inclusive; Infinity: to the end of the file. */
  end: number
  bytesRead: number
  _read(size: number): void
  _destroy(error: Error | null, callback: WriteCallback): void
  _readableState: {
    pipes: Writable[]
    dataEmitted: boolean
    objectMode: boolean
    emitClose: boolean
    highWaterMark: number
    /** From Node 26.12 on: a chunk that is not in the buffer while it waits to flow. Not of the one that is about to. */
    fastChunk?: Buffer | null
    /** The destinations whose 'drain' pipe() waits for, before it lets the source flow again; a set once there were two. */
    awaitDrainWriters?: Writable | { readonly size: number } | null
  }
}

export type InternalSource = Omit<ReadStream, keyof SourceInternals> & SourceInternals

type Builtins = {
  net: typeof import('node:net')
  tls: typeof import('node:tls')
  http: typeof import('node:http')
  http2: typeof import('node:http2')
}

// node:https alone loads the classes of node:http, but not the module of that name.
const loadedWith: Record<keyof Builtins, string> = { net: 'net', tls: 'tls', http: '_http_outgoing', http2: 'http2' }
const found: Partial<Builtins> = {}
/** How many modules were loaded when it was not among them: the list only grows, and looking through it costs. */
const missingAmong: Partial<Record<keyof Builtins, number>> = {}

/** A module of Node whose classes someone has loaded already. Asking for it must not be what loads them. */
export function loadedModule<Name extends keyof Builtins>(name: Name): Builtins[Name] | undefined {
  if (found[name] === undefined) {
    const list = (process as { moduleLoadList?: string[] }).moduleLoadList
    if (list === undefined || missingAmong[name] === list.length) return undefined
    missingAmong[name] = list.length
    if (!list.includes(`NativeModule ${loadedWith[name]}`)) return undefined
    found[name] = process.getBuiltinModule(name) as Builtins[Name]
  }
  return found[name]
}

/** By its class: `encrypted` may any other object say of itself, such as a socket behind a proxy that speaks TLS. */
export function isTlsSocket(socket: Socket): socket is TLSSocket {
  const tls = loadedModule('tls')
  return tls !== undefined && socket instanceof tls.TLSSocket
}

export function asInternal(socket: Socket): InternalSocket {
  return socket as unknown as InternalSocket
}

/** A symbol of Node's own that `object` has a property of. */
export function symbolNamed(name: string, object: object): symbol | undefined {
  return Object.getOwnPropertySymbols(object).find(({ description }) => description === name)
}

/** The message has taken more than it should hold: 'drain' is to tell when it has room again. */
export function markNeedDrain(message: OutgoingMessage): void {
  const symbol = symbolNamed('kNeedDrain', message)
  if (symbol !== undefined) Reflect.set(message, symbol, true)
}

/** What a listener of the user's threw, where it must not end what is being done: uncaught, as it is in Node. */
export function throwUncaught(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}
