import { AsyncResource } from 'node:async_hooks'
import { constants } from 'node:os'
import { readError, sourceTruncated, writeError } from '../errors.js'
import { type NativeQueue, Outcome, type Submitted } from '../native/binding.js'
import type { Mailbox } from '../native/mailbox.js'
import { type ChunkBatch, type InternalSocket, throwUncaught, type WriteCallback } from '../node-internals.js'
import type { Engine } from '../options.js'
import { sharedSlot } from '../shared-state.js'
import type { FileRange } from './file-range.js'
import { isRequesting } from './last-exchange.js'

const { ENODATA, EAGAIN, EMFILE, ENFILE, ENOMEM, EIO, ESTALE, EBADF, EACCES, EPERM, ENXIO, ENODEV, EISDIR } =
  constants.errno
// What sendfile(2) says of the file and never of the socket.
const ofFile = new Set([EIO, ESTALE, EBADF, EACCES, EPERM, ENXIO, ENODEV, EISDIR].map((errno) => -errno))
// For want of a thread or a descriptor; nothing is wrong with the socket.
const passing = new Set([-EAGAIN, -EMFILE, -ENFILE, -ENOMEM])
// Up to this many bytes of a file it costs the event loop less to send them than to wake a thread for it. Tests lower it,
// to have threads send small files.
const bytesAtOnce = sharedSlot<Record<Engine, number>>('bytes at once', () => ({ tls: 64 * 1024, tcp: 256 * 1024 }))
const alertRecord = 21
const closeNotify = Uint8Array.of(1, 0) // warning, close_notify: RFC 8446, 6.1

const isOfConnection = (outcome: number) => outcome < 0 && outcome !== -ENODATA && !ofFile.has(outcome)

/** Of what was not left under way. */
const outcomeOf = (submitted: Submitted): number => (submitted > 0 ? Outcome.Complete : submitted)

/** Of its idle timer, or one of a connection below: activity is told to all. 0: there is none. */
function shortestTimeout(socket: InternalSocket): number {
  const timeouts: number[] = []
  for (let below: InternalSocket | null | undefined = socket; below; below = below._parent) {
    if ((below.timeout ?? 0) > 0) timeouts.push(below.timeout as number)
  }
  return timeouts.length === 0 ? 0 : Math.min(...timeouts)
}

/** Writes through a socket's native queue. Each callback runs in the async context of whoever wrote. */
export class QueueWrites {
  readonly #socket: InternalSocket
  readonly #engine: Engine
  readonly #queue: NativeQueue
  readonly #mailbox: Mailbox
  #closed = false
  #bytesGiven = 0
  #range: { readonly sentBefore: number } | undefined // under way
  #underWay = 0
  #sentAtLastLook = 0
  #keyItem: number | undefined

  constructor(socket: InternalSocket, engine: Engine, queue: NativeQueue, mailbox: Mailbox) {
    this.#socket = socket
    this.#engine = engine
    this.#queue = queue
    this.#mailbox = mailbox
  }

  /** Plaintext that this queue was given; of a range, what the kernel has taken. */
  get bytesWritten(): number {
    return this.#bytesGiven + (this.#range === undefined ? 0 : this.#queue.bytesSent() - this.#range.sentBefore)
  }

  /** A range is under way. */
  get isSendingRange(): boolean {
    return this.#range !== undefined
  }

  /** Something is under way, and the kernel has taken bytes of it since it began or this was asked the last time. */
  hasAdvanced(): boolean {
    const before = this.#sentAtLastLook
    this.#sentAtLastLook = this.#queue.bytesSent()
    return this.#underWay > 0 && this.#sentAtLastLook !== before
  }

  write(chunks: ChunkBatch, callback: WriteCallback): void {
    const buffers = chunks.map(({ chunk, encoding }) =>
      typeof chunk === 'string' ? Buffer.from(chunk, encoding as BufferEncoding) : chunk,
    )
    const size = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
    if (size === 0) return callback()
    this.#socket._unrefTimer()
    this.#bytesGiven += size
    const settle = (outcome: number) => {
      this.#underWay--
      this.#socket._unrefTimer()
      this.#answer(outcome, callback)
    }
    const submitted = this.#submit((item) => this.#queue.sendBytes(item, buffers), settle)
    if (submitted === 0) return this.#begin()
    // As over TLS always, never before write() returns: what is written together fills the queue, and 'drain' comes.
    process.nextTick(() => this.#answer(outcomeOf(submitted), callback))
  }

  /** False: the queue cannot take it now, nothing of it was sent, and the range must go another way. */
  sendRange(range: FileRange, callback: WriteCallback): boolean {
    const timeoutMs = shortestTimeout(this.#socket)
    const progressMs = timeoutMs > 0 ? Math.max(1, Math.floor(timeoutMs / 4)) : 0
    const length = range.remaining
    const settle = (outcome: number, bytesTaken: number) => {
      this.#socket._unrefTimer()
      if (outcome === Outcome.Progress) return
      // What has come before the connection was lost, such as the answer to an upload, is there to be read: that first.
      if (isOfConnection(outcome) && isRequesting(this.#socket)) setImmediate(finish, outcome, bytesTaken)
      else finish(outcome, bytesTaken)
    }
    const finish = (outcome: number, bytesSent: number) => {
      range.onStop = undefined
      range.offset += bytesSent
      range.remaining -= bytesSent
      range.bytesSent += bytesSent
      range.bytesOffloaded += bytesSent
      if (submitted === 0) this.#underWay--
      this.#range = undefined
      this.#bytesGiven += bytesSent
      if (outcome === -ENODATA) callback(sourceTruncated(range.remaining))
      else if (ofFile.has(outcome)) callback(readError(outcome))
      else this.#answer(outcome, callback)
    }
    this.#range = { sentBefore: this.#queue.bytesSent() }
    const submitted = this.#submit((item) => {
      range.onStop = () => this.#queue.stopRange(item)
      const atOnce = length <= bytesAtOnce[this.#engine]
      return this.#queue.sendRange(item, range.file, range.offset, length, progressMs, atOnce)
    }, settle)
    if (passing.has(submitted)) {
      range.onStop = undefined
      this.#range = undefined
      return false
    }
    if (submitted === 0) this.#begin()
    this.#socket._unrefTimer()
    try {
      if (submitted >= 0) range.observer.rangeOffloaded(this.#engine)
    } finally {
      // Whatever a listener of the user's throws: nobody else will tell how it ended.
      if (submitted !== 0) settle(outcomeOf(submitted), submitted > 0 ? length : 0)
    }
    return true
  }

  #begin(): void {
    this.#underWay++
    this.#sentAtLastLook = this.#queue.bytesSent()
  }

  /** Calls back, once, when the write key should protect no more and cannot be changed. */
  watchKey(spent: () => void): void {
    this.#keyItem = this.#mailbox.watch(spent)
    this.#queue.watchKey(this.#keyItem)
  }

  /** Completes when close_notify was accepted by TCP, or when it never will be. */
  sendCloseNotify(callback: () => void): void {
    const submitted = this.#submit((item) => this.#queue.sendControl(item, alertRecord, closeNotify, false), callback)
    if (submitted !== 0) callback()
  }

  /** Nothing is sent after it. The first call's `released` is called when the queue's descriptor is closed. */
  close(forReset: boolean, released: () => void): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#keyItem !== undefined) this.#mailbox.forget(this.#keyItem)
    const closed = this.#mailbox.submit(
      (item) => (this.#queue.close(item, forReset) ? 1 : 0),
      () => released,
    )
    if (closed > 0) released()
  }

  /** What is under way afterwards `settle` is told of later, in the async context of now; any other answer is the caller's. */
  #submit(send: (item: number) => Submitted, settle: (outcome: number, bytesTaken: number) => void): Submitted {
    return this.#mailbox.submit(send, () => {
      const context = new AsyncResource('KTLSPIPEWRITE')
      const settleAndThrow = (outcome: number, bytesTaken: number) => {
        try {
          settle(outcome, bytesTaken)
        } catch (error) {
          throwUncaught(error) // in this context
        }
      }
      return (outcome, bytesTaken) => context.runInAsyncScope(settleAndThrow, undefined, outcome, bytesTaken)
    })
  }

  // A write that is under way when its socket is destroyed ends without an error of its own, as in Node.
  #answer(outcome: number, callback: WriteCallback): void {
    if (outcome === Outcome.Complete || this.#socket.destroyed) callback()
    else callback(writeError(outcome))
  }
}
