import type { Socket } from 'node:net'
import { createAttachment } from '../attachment.js'
import { isOfSource, rangeNotSent } from '../errors.js'
import type { FallbackReason } from '../fallback-reason.js'
import type { NativeBinding } from '../native/binding.js'
import { mailboxOf } from '../native/mailbox.js'
import { asInternal, type ChunkBatch, type InternalSocket, isTlsSocket, type WriteCallback } from '../node-internals.js'
import { sharedSlot } from '../shared-state.js'
import { type FileRange, rangeOf } from './file-range.js'
import { isAnswered, isBetweenExchanges } from './last-exchange.js'
import { OrdinaryWrites } from './ordinary-writes.js'
import { QueuedRanges, type RangeWriter } from './queued-ranges.js'
import { type SocketWork, takeOverHandle, takeOverMethods } from './socket-methods.js'
import { TcpRoute } from './tcp-route.js'
import { TlsRoute } from './tls-route.js'

const writers = sharedSlot('socket writers', () => createAttachment<SocketWriter>())

/** Everything that a socket's Writable queue gives out, in its order: ordinary chunks and ranges, each by its route. */
export class SocketWriter implements SocketWork, RangeWriter {
  readonly #socket: InternalSocket
  readonly #binding: NativeBinding
  readonly #tls: TlsRoute | undefined
  readonly #route: TlsRoute | TcpRoute
  readonly #queued = new QueuedRanges()

  /** The writer of a socket, made (and its methods put in place) on first use. */
  static of(socket: Socket, binding: NativeBinding): SocketWriter {
    const known = writers.get(socket)
    if (known !== undefined) {
      known.followHandle()
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
    const parts = {
      socket: this.#socket,
      binding,
      // Before any queue: queues deliver to it.
      mailbox: mailboxOf(binding),
      ordinary: new OrdinaryWrites(this.#socket),
    }
    this.#tls = isTlsSocket(socket) ? new TlsRoute(parts, socket) : undefined
    this.#route = this.#tls ?? new TcpRoute(parts)
    takeOverMethods(this.#socket, this)
  }

  /** The kernel encrypts what is written. */
  get isHandedOver(): boolean {
    return this.#tls?.queue !== undefined
  }

  /** Why this session will not be handed over any more. */
  get refusal(): FallbackReason | undefined {
    return this.#tls?.refusal
  }

  /** Plaintext that did not go through Node's handle. */
  get bytesWrittenPastNode(): number {
    return this.#route.bytesWrittenPastNode
  }

  /** A net.Socket may be connected again, and has another handle then. */
  followHandle(): void {
    if (takeOverHandle(this.#socket) && this.#route instanceof TcpRoute) this.#route.beginAnew()
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
    return this.#route.queue?.hasAdvanced() === true
  }

  /** A request's file, though it is answered: the peer may not want to read it, or be gone. */
  get sendsInVain(): boolean {
    return this.#route.queue?.isSendingRange === true && isAnswered(this.#socket)
  }

  /** Ends the write direction with close_notify, then lets Node shut TCP down. */
  final(shutDown: () => void): void {
    const handle = this.#socket._handle
    const queue = this.#tls?.queue
    if (queue === undefined || handle === null) return shutDown()
    queue.sendCloseNotify(() => {
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
    const { queue } = this.#route
    const forReset = this.#socket.resetAndClosing === true
    if (queue === undefined) return closeSocket()
    if (error === null && !forReset && isBetweenExchanges(this.#socket)) this.#tls?.queue?.sendCloseNotify(() => {})
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
    if (range !== undefined) {
      range.reached = true
      return this.#route.sendRange(range, (error) => this.#settleRange(range, error, goOn))
    }
    while (end < chunks.length && rangeOf(chunks[end]?.chunk) === undefined) end++
    const whole = begin === 0 && end === chunks.length
    const group: ChunkBatch = whole ? chunks : chunks.slice(begin, end)
    if (!whole) group.allBuffers = chunks.allBuffers === true
    this.#route.writeChunks(group, goOn)
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
}

/** Who encrypts what is written to a socket now. */
export function encryptionOf(socket: Socket | null): 'kernel' | 'userspace' | 'none' {
  if (socket === null || !isTlsSocket(socket)) return 'none'
  return SocketWriter.existing(socket)?.isHandedOver ? 'kernel' : 'userspace'
}
