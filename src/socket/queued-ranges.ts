import { rangeNotSent } from '../errors.js'
import type { ChunkBatch, InternalSocket, WriteCallback } from '../node-internals.js'
import { bytesOf } from './file-range.js'

/** Writes a range's chunk to its socket. False: 'drain' is to be waited for. */
export interface RangeWriter {
  queueRange(chunk: Buffer, callback: WriteCallback): boolean
}

/**
 * Ranges on their way through a socket's Writable queue, each with what was in front of it. Whoever copies a range's chunk
 * there copies memory that nobody has written: such a copy must not be sent, so what comes in a range's place is looked at.
 */
export class QueuedRanges {
  #waiting: { chunk: Buffer; ahead: number }[] = []

  /** Puts a range's chunk into the queue, by the socket's own write(). False: 'drain' is to be waited for. */
  queue(socket: InternalSocket, chunk: Buffer, callback: WriteCallback): boolean {
    let isSettled = false
    const settle: WriteCallback = (error) => {
      if (isSettled) return
      isSettled = true
      // Where its socket was destroyed it has never come, and the socket may be connected again.
      this.#waiting = this.#waiting.filter((range) => range.chunk !== chunk)
      callback(error)
    }
    // Nothing leaves the queue before it was looked at.
    socket.cork()
    try {
      const hasRoom = socket.write(chunk, settle)
      if (!socket.destroyed && !socket.writableEnded && !this.#expect(chunk, socket.writableBuffer)) {
        const error = rangeNotSent(bytesOf(chunk))
        socket.destroy(socket.listenerCount('error') > 0 ? error : undefined)
        settle(error)
      }
      return hasRoom
    } finally {
      socket.uncork()
    }
  }

  /** What the queue gives out. The length of a range that was to come where something else is; 0: all is well. */
  missingFrom(chunks: ChunkBatch): number {
    if (this.#waiting.length === 0) return 0
    let position = 0
    for (const { chunk } of chunks) {
      const next = this.#waiting[0]
      if (next !== undefined && position + chunk.length > next.ahead) {
        if (chunk !== next.chunk || position !== next.ahead) return bytesOf(next.chunk)
        this.#waiting.shift()
      }
      position += chunk.length
    }
    for (const left of this.#waiting) left.ahead -= position
    return 0
  }

  /** False: the chunk is not the last in the queue. */
  #expect(chunk: Buffer, queued: InternalSocket['writableBuffer']): boolean {
    if (queued.at(-1)?.chunk !== chunk) return false
    const ahead = queued.slice(0, -1).reduce((sum, before) => sum + (before?.chunk.length ?? 0), 0)
    this.#waiting.push({ chunk, ahead })
    return true
  }
}
