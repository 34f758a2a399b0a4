import type { TLSSocket } from 'node:tls'
import type { FallbackReason } from '../fallback-reason.js'
import type { NativeQueue } from '../native/binding.js'
import type { ChunkBatch, WriteCallback } from '../node-internals.js'
import { publishSession } from '../observe/diagnostics.js'
import { remember } from '../observe/remembered.js'
import { countFallback, countSession } from '../observe/stats.js'
import { guardHandle } from '../tls/guard-handle.js'
import { attemptHandOver } from '../tls/hand-over.js'
import { type FileRange, isOver } from './file-range.js'
import { endAfterExchange } from './last-exchange.js'
import { sendOrdinarily } from './ordinary-range.js'
import { QueueWrites } from './queue-writes.js'
import { maximumAttempts, Route, type RouteParts } from './route.js'

// A record of this size is kept by the tracker and serves as the proof; it goes out through OpenSSL.
const proofBytes = 1024

/** Over TLS: Node's own path until a range has the session handed over; from then on everything takes its native queue. */
export class TlsRoute extends Route {
  readonly #tlsSocket: TLSSocket
  #queue: QueueWrites | undefined // from the hand-over on
  #refusal: FallbackReason | undefined

  constructor(parts: RouteParts, tlsSocket: TLSSocket) {
    super(parts)
    this.#tlsSocket = tlsSocket
  }

  get queue(): QueueWrites | undefined {
    return this.#queue
  }

  get bytesWrittenPastNode(): number {
    return this.#queue?.bytesWritten ?? 0
  }

  /** Why this session will not be handed over any more. */
  get refusal(): FallbackReason | undefined {
    return this.#refusal
  }

  writeChunks(chunks: ChunkBatch, callback: WriteCallback): void {
    const path = this.#queue ?? this.parts.ordinary
    path.write(chunks, callback)
  }

  sendRange(range: FileRange, callback: WriteCallback): void {
    if (isOver(range)) callback()
    else if (this.#queue !== undefined) this.sendThrough(this.#queue, range, callback)
    else this.#handOverThenSend(range, callback, maximumAttempts)
  }

  #handOverThenSend(range: FileRange, callback: WriteCallback, attemptsLeft: number): void {
    const { socket, binding, ordinary } = this.parts
    const retry = (error?: Error | null) =>
      error ? callback(error) : this.#handOverThenSend(range, callback, attemptsLeft - 1)
    if (isOver(range) || socket.destroyed) return callback()
    if (attemptsLeft === 0) return this.fallBack(range, 'socket-busy', callback)
    const attempt = attemptHandOver(binding, this.#tlsSocket)
    switch (attempt.outcome) {
      case 'done':
        return this.sendThrough(this.#handedOver(attempt.queue), range, callback)
      case 'busy':
        return ordinary.flush(retry)
      case 'proof-needed':
        return sendOrdinarily(range, proofBytes, this, retry)
      case 'refused':
        if (attempt.lasting) this.#refuse(attempt.reason, attempt.errno)
        return this.fallBack(range, attempt.reason, callback)
    }
  }

  #handedOver(native: NativeQueue): QueueWrites {
    const { socket, mailbox } = this.parts
    const queue = new QueueWrites(socket, 'tls', native, mailbox)
    this.#queue = queue
    if (socket._handle !== null) guardHandle(socket._handle)
    queue.watchKey(() => {
      countFallback('key-spent')
      publishSession(() => ({ socket: this.#tlsSocket, encryption: 'kernel', reason: 'key-spent' }))
      endAfterExchange(socket)
    })
    remember(this.#tlsSocket).encryption = 'kernel'
    countSession('kernel')
    publishSession(() => ({ socket: this.#tlsSocket, encryption: 'kernel' }))
    return queue
  }

  #refuse(reason: FallbackReason, errno: number): void {
    this.#refusal = reason
    countSession('refused')
    publishSession(() => ({ socket: this.#tlsSocket, encryption: 'userspace', reason, errno }))
  }
}
