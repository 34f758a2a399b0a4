import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { createAttachment } from '../attachment.js'
import { isOfSource, rangeNotSent } from '../errors.js'
import type { FallbackReason } from '../fallback-reason.js'
import type { NativeBinding, NativeQueue } from '../native/binding.js'
import { type Mailbox, mailboxOf } from '../native/mailbox.js'
import { asInternal, type ChunkBatch, type InternalSocket, isTlsSocket, type WriteCallback } from '../node-internals.js'
import { publishSession } from '../observe/diagnostics.js'
import { remember } from '../observe/remembered.js'
import { countFallback, countSession } from '../observe/stats.js'
import { sharedSlot } from '../shared-state.js'
import { guardHandle } from '../tls/guard-handle.js'
import { attemptHandOver } from '../tls/hand-over.js'
import { type FileRange, rangeOf } from './file-range.js'
import { endAfterExchange, isBetweenExchanges } from './last-exchange.js'
import { type BytesDestination, sendOrdinarily } from './ordinary-range.js'
import { OrdinaryWrites } from './ordinary-writes.js'
import { QueueWrites } from './queue-writes.js'
import { QueuedRanges, type RangeWriter } from './queued-ranges.js'
import { type SocketWork, takeOverHandle, takeOverMethods } from './socket-methods.js'

// A record of this size is kept by the tracker and serves as the proof; it goes out through OpenSSL.
const proofBytes = 1024
// Each attempt waits for a write to leave; more are needed only if somebody else writes to the handle natively.
const maximumAttempts = 8

const writers = sharedSlot('socket writers', () => createAttachment<SocketWriter>())

/**
 * Everything that a socket's Writable queue gives out, in its order: ordinary chunks and ranges. Before the hand-over
 * (and on plain TCP) ordinary chunks take Node's own path; after it everything takes the socket's native queue.
 */
export class SocketWriter implements SocketWork, RangeWriter {
  readonly #socket: InternalSocket
  readonly #binding: NativeBinding
  readonly #mailbox: Mailbox
  readonly #ordinary: OrdinaryWrites
  readonly #tlsSocket: TLSSocket | undefined
  #kernelQueue: QueueWrites | undefined // TLS: from the hand-over on
  #tcpQueue: QueueWrites | undefined // plain TCP: while a range is under way
  #tcpBytes = 0
  #refusal: FallbackReason | undefined
  readonly #queued = new QueuedRanges()

  /** The writer of a socket, made (and its methods put in place) on first use. */
  static of(socket: Socket, binding: NativeBinding): SocketWriter {
    const known = writers.get(socket)
    if (known !== undefined) {
      known.#followHandle()
      return known
    }
    const fresh = new SocketWriter(socket, binding)
    writers.set(socket, fresh)
    return fresh
  }

  static existing(socket: Socket): SocketWriter | undefined {
    return writers.get(socket)
  }

  private constructor(socket: Socket, binding: NativeBinding) {
    this.#socket = asInternal(socket)
    this.#binding = binding
    // Before any queue: queues deliver to it.
    this.#mailbox = mailboxOf(binding)
    this.#tlsSocket = isTlsSocket(socket) ? socket : undefined
    this.#ordinary = new OrdinaryWrites(this.#socket)
    takeOverMethods(this.#socket, this)
  }

  /** The kernel encrypts what is written. */
  get isHandedOver(): boolean {
    return this.#kernelQueue !== undefined
  }

  /** Why this session will not be handed over any more. */
  get refusal(): FallbackReason | undefined {
    return this.#refusal
  }

  /** Plaintext that did not go through Node's handle. */
  get bytesWrittenPastNode(): number {
    return this.#tcpBytes + (this.#kernelQueue?.bytesWritten ?? 0) + (this.#tcpQueue?.bytesWritten ?? 0)
  }

  queueRange(chunk: Buffer, callback: WriteCallback): boolean {
    return this.#queued.queue(this.#socket, chunk, callback)
  }

  write(chunks: ChunkBatch, callback: WriteCallback): void {
    const bytesMissing = this.#queued.missingFrom(chunks)
    if (bytesMissing === 0) this.#writeFrom(chunks, 0, callback)
    else this.#giveUp(rangeNotSent(bytesMissing), callback)
  }

  /** Bytes have left since this was asked the last time. */
  hasAdvanced(): boolean {
    return (this.#kernelQueue ?? this.#tcpQueue)?.hasAdvanced() === true
  }

  /** Ends the write direction with close_notify, then lets Node shut TCP down. */
  final(shutDown: () => void): void {
    const handle = this.#socket._handle
    if (this.#kernelQueue === undefined || handle === null) return shutDown()
    this.#kernelQueue.sendCloseNotify(() => {
      // OpenSSL's own attempt would be written nowhere, but it would also wait for it.
      if (this.#socket._handle !== null) this.#binding.markShutdownSent(handle)
      shutDown()
    })
  }

  /**
   * Stops the sender. A connection that is kept alive for nothing ends with close_notify, if that goes out at once. A
   * reset must not have another descriptor hold the connection, so it waits for the release.
   */
  destroy(error: Error | null, closeSocket: () => void): void {
    const queue = this.#kernelQueue ?? this.#tcpQueue
    const forReset = this.#socket.resetAndClosing === true
    if (queue === undefined) return closeSocket()
    if (error === null && !forReset && isBetweenExchanges(this.#socket)) this.#kernelQueue?.sendCloseNotify(() => {})
    queue.close(forReset, () => forReset && closeSocket())
    if (!forReset) closeSocket()
  }

  #writeFrom(chunks: ChunkBatch, begin: number, callback: WriteCallback): void {
    if (begin === chunks.length) return callback()
    const range = rangeOf(chunks[begin]?.chunk)
    let end = begin + 1
    const goOn = (error?: Error | null) => {
      // What is left of a batch goes with its socket, as what waits in the queue does: without an error of its own.
      if (error || this.#socket.destroyed) callback(error)
      else this.#writeFrom(chunks, end, callback)
    }
    if (range !== undefined) return this.#sendRange(range, goOn)
    while (end < chunks.length && rangeOf(chunks[end]?.chunk) === undefined) end++
    const whole = begin === 0 && end === chunks.length
    const group: ChunkBatch = whole ? chunks : chunks.slice(begin, end)
    if (!whole) group.allBuffers = chunks.allBuffers === true
    this.#writeBytes(group, goOn)
  }

  #writeBytes(chunks: ChunkBatch, callback: WriteCallback): void {
    const path = this.#kernelQueue ?? this.#ordinary
    path.write(chunks, callback)
  }

  #sendRange(range: FileRange, callback: WriteCallback): void {
    const settle = (error?: Error | null) => this.#settleRange(range, error, callback)
    if (this.#kernelQueue !== undefined) this.#sendThrough(this.#kernelQueue, range, settle)
    else if (this.#tlsSocket !== undefined) this.#handOverThenSend(this.#tlsSocket, range, settle, maximumAttempts)
    else this.#sendOverTcp(range, settle, maximumAttempts)
  }

  #sendThrough(queue: QueueWrites, range: FileRange, callback: WriteCallback): void {
    if (!queue.sendRange(range, callback)) this.#sendOrdinarily(range, 'descriptor-limit', callback)
  }

  #handOverThenSend(tlsSocket: TLSSocket, range: FileRange, callback: WriteCallback, attemptsLeft: number): void {
    const retry = (error?: Error | null) =>
      error ? callback(error) : this.#handOverThenSend(tlsSocket, range, callback, attemptsLeft - 1)
    if (range.remaining === 0 || this.#socket.destroyed) return callback()
    if (attemptsLeft === 0) return this.#sendOrdinarily(range, 'socket-busy', callback)
    const attempt = attemptHandOver(this.#binding, tlsSocket)
    switch (attempt.outcome) {
      case 'done':
        return this.#sendThrough(this.#handedOver(tlsSocket, attempt.queue), range, callback)
      case 'busy':
        return this.#ordinary.flush(retry)
      case 'proof-needed':
        return sendOrdinarily(range, proofBytes, this.#forBytesRead(), retry)
      case 'refused':
        if (attempt.lasting) this.#refuse(tlsSocket, attempt.reason, attempt.errno)
        return this.#sendOrdinarily(range, attempt.reason, callback)
    }
  }

  #handedOver(socket: TLSSocket, queue: NativeQueue): QueueWrites {
    const writes = new QueueWrites(this.#socket, 'tls', queue, this.#mailbox)
    this.#kernelQueue = writes
    if (this.#socket._handle !== null) guardHandle(this.#socket._handle)
    writes.watchKey(() => {
      countFallback('key-spent')
      publishSession(() => ({ socket, encryption: 'kernel', reason: 'key-spent' }))
      endAfterExchange(this.#socket)
    })
    remember(socket).encryption = 'kernel'
    countSession('kernel')
    publishSession(() => ({ socket, encryption: 'kernel' }))
    return writes
  }

  #refuse(socket: TLSSocket, reason: FallbackReason, errno: number): void {
    this.#refusal = reason
    countSession('refused')
    publishSession(() => ({ socket, encryption: 'userspace', reason, errno }))
  }

  #sendOverTcp(range: FileRange, callback: WriteCallback, attemptsLeft: number): void {
    const handle = this.#socket._handle
    if (handle === null || this.#socket.destroyed) return callback()
    if (attemptsLeft === 0) return this.#sendOrdinarily(range, 'socket-busy', callback)
    if (handle.writeQueueSize !== 0) {
      return this.#ordinary.flush((error) =>
        error ? callback(error) : this.#sendOverTcp(range, callback, attemptsLeft - 1),
      )
    }
    const queue = this.#binding.openTcpQueue(handle.fd ?? -1)
    if (typeof queue === 'number') return this.#sendOrdinarily(range, 'descriptor-limit', callback)
    const writes = new QueueWrites(this.#socket, 'tcp', queue, this.#mailbox)
    this.#tcpQueue = writes
    this.#sendThrough(writes, range, (error) => {
      this.#tcpQueue = undefined
      this.#tcpBytes += writes.bytesWritten
      writes.close(false, () => {})
      callback(error)
    })
  }

  #sendOrdinarily(range: FileRange, reason: FallbackReason, callback: WriteCallback): void {
    range.observer.rangeFellBack(reason)
    sendOrdinarily(range, range.remaining, this.#forBytesRead(), callback)
  }

  #forBytesRead(): BytesDestination {
    return {
      isGone: () => this.#socket.destroyed,
      write: (chunk, callback) => this.#writeBytes([{ chunk, encoding: 'buffer' }], callback),
    }
  }

  // The file became shorter, or cannot be read: the body cannot be completed, so the connection goes.
  #settleRange(range: FileRange, error: Error | null | undefined, callback: WriteCallback): void {
    range.file.close()
    range.failure = error ?? undefined
    if (!isOfSource(error)) return callback(error)
    const giveUp = () => this.#giveUp(error, callback)
    // First of all, so that whoever waits for source and destination hears the cause before the consequence.
    if (range.observer.rangeFailed === undefined) giveUp()
    else range.observer.rangeFailed(error, giveUp)
  }

  // The process must not go with the connection where nobody listens for its errors.
  #giveUp(error: Error, callback: WriteCallback): void {
    if (this.#socket.listenerCount('error') > 0) return callback(error)
    this.#socket.destroy()
    callback()
  }

  // A net.Socket may be connected again, and has another handle then.
  #followHandle(): void {
    if (takeOverHandle(this.#socket)) this.#tcpBytes = 0
  }
}

/** Who encrypts what is written to a socket now. */
export function encryptionOf(socket: Socket | null): 'kernel' | 'userspace' | 'none' {
  if (socket === null || !isTlsSocket(socket)) return 'none'
  return SocketWriter.existing(socket)?.isHandedOver ? 'kernel' : 'userspace'
}
