import type { ChunkBatch, WriteCallback } from '../node-internals.js'
import { type FileRange, isOver } from './file-range.js'
import { QueueWrites } from './queue-writes.js'
import { maximumAttempts, Route } from './route.js'

/** Without TLS: chunks take Node's own path, each range a queue of its own. */
export class TcpRoute extends Route {
  #queue: QueueWrites | undefined // while a range is under way
  #bytesOfEarlierQueues = 0

  get queue(): QueueWrites | undefined {
    return this.#queue
  }

  get bytesWrittenPastNode(): number {
    return this.#bytesOfEarlierQueues + (this.#queue?.bytesWritten ?? 0)
  }

  /** The socket was connected again. */
  beginAnew(): void {
    this.#bytesOfEarlierQueues = 0
  }

  writeChunks(chunks: ChunkBatch, callback: WriteCallback): void {
    this.parts.ordinary.write(chunks, callback)
  }

  sendRange(range: FileRange, callback: WriteCallback): void {
    this.#send(range, callback, maximumAttempts)
  }

  #send(range: FileRange, callback: WriteCallback, attemptsLeft: number): void {
    const { socket, binding, mailbox, ordinary } = this.parts
    const handle = socket._handle
    if (handle === null || socket.destroyed || isOver(range)) return callback()
    if (attemptsLeft === 0) return this.fallBack(range, 'socket-busy', callback)
    if (handle.writeQueueSize !== 0) {
      return ordinary.flush((error) => (error ? callback(error) : this.#send(range, callback, attemptsLeft - 1)))
    }
    const native = binding.openTcpQueue(handle.fd ?? -1)
    if (typeof native === 'number') return this.fallBack(range, 'descriptor-limit', callback)
    const queue = new QueueWrites(socket, 'tcp', native, mailbox)
    this.#queue = queue
    this.sendThrough(queue, range, (error) => {
      this.#queue = undefined
      this.#bytesOfEarlierQueues += queue.bytesWritten
      queue.close(false, () => {})
      callback(error)
    })
  }
}
