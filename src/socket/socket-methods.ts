import type { ChunkBatch, InternalSocket, StreamHandle, WriteCallback } from '../node-internals.js'
import { sharedSlot } from '../shared-state.js'

/** What a socket's own methods do. */
export interface SocketWork {
  write(chunks: ChunkBatch, callback: WriteCallback): void
  final(shutDown: () => void): void
  destroy(error: Error | null, closeSocket: () => void): void
  readonly bytesWrittenPastNode: number
}

interface Work {
  readonly methods: SocketWork
  readonly final: InternalSocket['_final']
  readonly destroy: InternalSocket['_destroy']
}

// A property and no private name: it is found through a Proxy around the socket, too, and must be.
const work = sharedSlot('work of sockets', () => Symbol('ktls-pipe'))
const workOf = (socketOrHandle: object) => Reflect.get(socketOrHandle, work) as Work

// The same functions for every socket: where each has closures of its own, V8 lets the sockets grow old before they are
// collected, which costs a server of short connections a third of its requests.
const own = sharedSlot('methods of sockets', () => ({
  _write(this: InternalSocket, chunk: Buffer | string, encoding: BufferEncoding | 'buffer', callback: WriteCallback) {
    workOf(this).methods.write([{ chunk, encoding }], callback)
  },
  _writev(this: InternalSocket, chunks: ChunkBatch, callback: WriteCallback) {
    workOf(this).methods.write(chunks, callback)
  },
  _final(this: InternalSocket, callback: WriteCallback) {
    const { methods, final } = workOf(this)
    methods.final(() => final.call(this, callback))
  },
  _destroy(this: InternalSocket, error: Error | null, callback: WriteCallback) {
    const { methods, destroy } = workOf(this)
    methods.destroy(error, () => destroy.call(this, error, callback))
  },
}))

// socket.bytesWritten asks the handle, which knows only what went through it.
const bytesWritten = sharedSlot('bytesWritten of handles', () => ({
  configurable: true,
  get(this: StreamHandle): number {
    const prototype = Object.getPrototypeOf(this) as object
    return Number(Reflect.get(prototype, 'bytesWritten', this)) + workOf(this).methods.bytesWrittenPastNode
  },
}))

/**
 * Gives the socket own write methods. They are the ones that Node's Writable calls, one write at a time and in order,
 * and stay for the socket's life.
 */
export function takeOverMethods(socket: InternalSocket, methods: SocketWork): void {
  const { _final: final, _destroy: destroy, _handle: handle } = socket
  const value: Work = { methods, final, destroy }
  // A handle may come to another socket.
  const property = { value, configurable: true }
  Object.defineProperty(socket, work, property)
  Object.assign(socket, own)
  if (handle === null) return
  Object.defineProperty(handle, work, property)
  Object.defineProperty(handle, 'bytesWritten', bytesWritten)
}
