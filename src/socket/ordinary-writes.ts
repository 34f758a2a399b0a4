import type { ChunkBatch, InternalSocket, WriteCallback } from '../node-internals.js'

/** The write methods that the socket had before ours: Node's own path, libuv and OpenSSL. */
export class OrdinaryWrites {
  readonly #socket: InternalSocket
  readonly #write: InternalSocket['_write']
  readonly #writev: InternalSocket['_writev']

  constructor(socket: InternalSocket) {
    this.#socket = socket
    this.#write = socket._write
    this.#writev = socket._writev
  }

  write(chunks: ChunkBatch, callback: WriteCallback): void {
    const [first] = chunks
    if (chunks.length === 1 && first !== undefined) {
      this.#write.call(this.#socket, first.chunk, first.encoding, callback)
    } else {
      this.#writev.call(this.#socket, chunks, callback)
    }
  }

  /** Calls back when everything written before has left OpenSSL and libuv: an empty write that waits its turn. */
  flush(callback: WriteCallback): void {
    this.#write.call(this.#socket, Buffer.alloc(0), 'buffer', callback)
  }
}
