import type { ChunkBatch, InternalSocket, WriteCallback } from '../node-internals.js'

/** Who does the work behind a socket's own methods. */
export interface SocketMethods {
  write(chunks: ChunkBatch, callback: WriteCallback): void
  final(shutDown: () => void): void
  destroy(error: Error | null, closeSocket: () => void): void
  readonly bytesWrittenPastNode: number
}

/**
 * Gives the socket own write methods. They are the ones that Node's Writable calls, one write at a time and in order,
 * and stay for the socket's life.
 */
export function takeOverMethods(socket: InternalSocket, methods: SocketMethods): void {
  const { _final: final, _destroy: destroy } = socket

  socket._write = (chunk, encoding, callback) => methods.write([{ chunk, encoding }], callback)
  socket._writev = (chunks, callback) => methods.write(chunks, callback)
  socket._final = (callback) => methods.final(() => final.call(socket, callback))
  socket._destroy = (error, callback) => methods.destroy(error, () => destroy.call(socket, error, callback))

  countBytesPastNode(socket, methods)
}

// socket.bytesWritten asks the handle, which knows only what went through it.
function countBytesPastNode(socket: InternalSocket, methods: SocketMethods): void {
  const handle = socket._handle
  if (handle === null) return
  const prototype = Object.getPrototypeOf(handle) as object
  Object.defineProperty(handle, 'bytesWritten', {
    configurable: true,
    get: () => Number(Reflect.get(prototype, 'bytesWritten', handle)) + methods.bytesWrittenPastNode,
  })
}
