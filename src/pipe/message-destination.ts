import type { OutgoingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FallbackReason } from '../fallback-reason.js'
import { asInternal, type InternalMessage, markNeedDrain, type WriteCallback } from '../node-internals.js'
import { isNodesMessageSend, isNodesMessageWrite, isNodesMessageWriteRaw } from '../nodes-own.js'
import { isOptedOut } from '../opt-out.js'
import { bytesOf } from '../socket/file-range.js'
import type { RangeWriter } from '../socket/queued-ranges.js'
import { mayPassThrough, passesThrough } from './pass-through.js'
import { engineOf, isSecuring, socketObstacle, waitUntilConnected } from './socket-destination.js'
import type { DestinationFacts } from './transfer-plan.js'

/** A response of node:http(s), or a client's request: head and framing come from Node, the body passes it by. */
export class MessageDestination {
  readonly object: OutgoingMessage
  readonly #internals: InternalMessage
  readonly #http: typeof import('node:http')
  #provenWrite: OutgoingMessage['write'] | undefined

  constructor(message: OutgoingMessage, http: typeof import('node:http')) {
    this.object = message
    this.#internals = message as unknown as InternalMessage
    this.#http = http
  }

  get socket(): Socket | null {
    return this.object.socket
  }

  get bytesAtMost(): number {
    // Node's own: nobody's wrapper is to hear of it.
    const length = this.#http.OutgoingMessage.prototype.getHeader.call(this.object, 'content-length')
    const bytes = length === undefined ? Number.NaN : Number(length)
    return bytes >= 0 ? bytes : Number.POSITIVE_INFINITY
  }

  get framesRanges(): boolean {
    return this.#internals.chunkedEncoding
  }

  facts(): DestinationFacts {
    const { object, socket } = this
    const waiting = this.#isWaiting()
    const connectionObstacle = socket === null || waiting ? undefined : socketObstacle(socket)
    return {
      optedOut: isOptedOut(object) || (socket !== null && isOptedOut(socket)),
      engine: engineOf(socket),
      obstacle: this.#messageObstacle() ?? connectionObstacle,
      momentaryObstacle: waiting ? undefined : this.#orderObstacle(),
    }
  }

  waitUntilConnected(resume: () => void): boolean {
    if (!this.#isWaiting()) return false
    const { object, socket } = this
    // What was written before is flushed to the socket right after it is announced.
    const soon = () => process.nextTick(resume)
    if (socket !== null) return waitUntilConnected(socket, soon)
    const settle = () => {
      object.off('socket', settle).off('close', settle)
      const assigned = object.socket
      if (assigned === null || !waitUntilConnected(assigned, soon)) soon()
    }
    object.once('socket', settle).once('close', settle)
    return true
  }

  write(rangeChunk: Buffer, writer: RangeWriter, callback: WriteCallback): FallbackReason | undefined {
    const { object, socket } = this
    if (socket === null) return 'response-not-current'
    if (!this.#hasNodesWrite && !this.#isProvenToPassThrough()) return 'response-wrapped'
    // One batch: the head, the chunk's size and the range reach the socket's writer together.
    socket.cork()
    try {
      // Node's own: the application has not called it, so nobody's wrapper is to hear of it.
      this.#http.OutgoingMessage.prototype.flushHeaders.call(object)
      // Whoever wraps writeHead may have made it a response without a body only now.
      if (!this.#internals._hasBody) return 'response-without-body'
      // Or have corked it, and written something: a range would overtake that.
      if (object.writableLength > socket.writableLength) return 'response-corked'
      if (this.#internals.chunkedEncoding) socket.write(`${bytesOf(rangeChunk).toString(16)}\r\n`, 'latin1')
      if (!writer.queueRange(rangeChunk, callback)) markNeedDrain(object)
      if (this.#internals.chunkedEncoding) socket.write('\r\n', 'latin1')
      return undefined
    } finally {
      socket.uncork()
    }
  }

  get #hasNodesWrite(): boolean {
    return isNodesMessageWrite(this.object.write)
  }

  // Once for a `write`: what it does with chunks it has decided with the head.
  #isProvenToPassThrough(): boolean {
    const { object } = this
    if (this.#provenWrite === object.write) return true
    if (!mayPassThrough(object) || !passesThrough(object, this.#http)) return false
    this.#provenWrite = object.write
    return true
  }

  // What about the message itself speaks against writing past it.
  #messageObstacle(): FallbackReason | undefined {
    const { object } = this
    if (object.destroyed || object.writableEnded || this.#socketIsLeft) return 'destination-unavailable'
    const { _send, _writeRaw } = this.#internals
    if (!isNodesMessageSend(_send) || !isNodesMessageWriteRaw(_writeRaw)) return 'response-wrapped'
    if (!this.#hasNodesWrite && !mayPassThrough(object)) return 'response-wrapped'
    if (this.#internals.strictContentLength === true) return 'strict-content-length'
    const status = (object as Partial<ServerResponse>).statusCode
    const bodiless = status === 204 || status === 304 || (status !== undefined && status < 200)
    return !this.#internals._hasBody || bodiless ? 'response-without-body' : undefined
  }

  // Destroyed, or ended by somebody else, as Node's server does when its client has ended.
  get #socketIsLeft(): boolean {
    const { socket } = this
    return socket !== null && (socket.destroyed || socket.writableEnded)
  }

  // What about its place on the connection does: bytes that are held back would be overtaken by a range.
  #orderObstacle(): FallbackReason | undefined {
    const { object, socket } = this
    const current = socket !== null && asInternal(socket)._httpMessage === object
    if (!current || this.#internals.outputData.length > 0) return 'response-not-current'
    return object.writableCorked > 0 ? 'response-corked' : undefined
  }

  // A request for its connection, or a response for those before it on the same connection.
  #isWaiting(): boolean {
    const { object, socket } = this
    if (object.destroyed || object.writableEnded) return false
    if (socket === null) return true
    return socket.connecting || isSecuring(socket)
  }
}
