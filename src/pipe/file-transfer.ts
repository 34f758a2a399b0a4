import type { Socket } from 'node:net'
import { KtlsError } from '../errors.js'
import type { FallbackReason } from '../fallback-reason.js'
import type { NativeBinding } from '../native/binding.js'
import type { WriteCallback } from '../node-internals.js'
import { publishTransferEnd, publishTransferError, publishTransferStart } from '../observe/diagnostics.js'
import { recordFallback } from '../observe/fallback.js'
import { remember } from '../observe/offload-state.js'
import { countActive, countBytes, countTransfer } from '../observe/stats.js'
import { currentSettings, type Engine } from '../options.js'
import { createRangeChunk, type FileRange, type RangeObserver } from '../socket/file-range.js'
import { SocketWriter } from '../socket/socket-writer.js'
import type { Destination } from './destination.js'
import type { FileSource } from './file-source.js'
import { RangePace } from './range-pace.js'
import { engineOf } from './socket-destination.js'
import { supportFacts } from './support-facts.js'
import { planRange } from './transfer-plan.js'

/** Who else wants to know how a transfer goes (a zero-copy pipe). */
export interface TransferListener {
  offloaded?(engine: Engine): void
  fellBack?(reason: FallbackReason): void
  bytesOffloaded?(bytes: number): void
}

/** One source on its way to one destination, range by range. */
export class FileTransfer implements RangeObserver {
  /** What the source is piped into: the destination, or a zero-copy pipe before it. */
  readonly pipedInto: object
  readonly #source: FileSource
  readonly #destination: Destination
  readonly #binding: NativeBinding
  readonly #listener: TransferListener
  readonly #pace = new RangePace()
  #begun = false
  #active = false // a range of it is on its way through the kernel
  #engine: Engine | undefined // until its end is published
  #fallbackReason: FallbackReason | undefined
  #bytesSent = 0

  constructor(
    source: FileSource,
    pipedInto: object,
    destination: Destination,
    binding: NativeBinding,
    listener: TransferListener,
  ) {
    this.pipedInto = pipedInto
    this.#source = source
    this.#destination = destination
    this.#binding = binding
    this.#listener = listener
  }

  /** The stream wants its next bytes. Here a transfer chooses its way, each time anew. */
  read(size: number): void {
    if (this.#destination.waitUntilConnected(() => this.#source.readAgain(size))) return
    if (!this.#sendNextRange()) this.#source.readOrdinarily(size)
  }

  /** The source is destroyed, or goes to another destination: what is not under way already will not come. */
  sourceGone(error: Error | null): void {
    if (!this.#active) this.#finish(error ?? undefined)
  }

  rangeOffloaded(engine: Engine): void {
    this.#active = true
    countActive(1)
    if (this.#engine !== undefined) return
    this.#engine = engine
    this.#begun = true
    countTransfer(engine)
    publishTransferStart(() => this.#event(engine))
    this.#listener.offloaded?.(engine)
  }

  rangeFellBack(reason: FallbackReason): void {
    if (this.#fallbackReason !== undefined) return
    this.#fallbackReason = reason
    recordFallback(reason, this.#source.stream, this.#destination.object)
    this.#listener.fellBack?.(reason)
  }

  // A source without listeners for its errors must not end the process.
  rangeFailed(error: Error, told: () => void): void {
    const { stream } = this.#source
    stream.destroy(stream.listenerCount('error') > 0 ? error : undefined)
    if (stream.closed || !this.#source.emitsClose) told()
    else stream.once('close', told)
  }

  /** False: core is to read, and what it reads goes the ordinary way. */
  #sendNextRange(): boolean {
    if (!this.#begun && this.#isTooSmall()) {
      // Nor is any later part of it larger.
      this.#source.giveBack()
      return this.#decline('below-minimum-size')
    }
    const facts = {
      ...this.#source.remainder(this.#binding),
      begun: this.#begun,
      maximumBytes: this.#pace.maximumBytes,
    }
    const plan = planRange(this.#source.facts(), facts, this.#destination.facts(), supportFacts())
    if (!plan.offload) return this.#decline(plan.reason)
    if (plan.length === 0) {
      this.#finish(undefined)
      this.#source.end()
      return true
    }
    if (this.#source.flowsLater) {
      // The stream asks again when it flows and holds nothing; read now, it would never run out of what it holds.
      this.#source.completeRead()
      return true
    }
    const file = this.#binding.openFile(this.#source.fd)
    if (typeof file === 'number') return this.#decline('descriptor-limit')
    const range: FileRange = {
      file,
      offset: facts.offset,
      remaining: plan.length,
      observer: this,
      bytesSent: 0,
      bytesOffloaded: 0,
    }
    const { socket } = this.#destination
    const beganMs = performance.now()
    if (socket !== null) SocketWriter.of(socket, this.#binding)
    const written = this.#write(range, (error) => {
      if (range.bytesOffloaded === plan.length) this.#pace.sent(plan.length, beganMs, performance.now())
      this.#rangeDone(range, plan.length, socket, error)
    })
    if (written) this.#source.beginRange()
    return written
  }

  #write(range: FileRange, done: WriteCallback): boolean {
    let obstacle: FallbackReason | undefined
    try {
      obstacle = this.#destination.write(createRangeChunk(range), done)
    } catch (error) {
      // A writeHead() of the user's threw: nothing was written.
      range.file.close()
      throw error
    }
    if (obstacle === undefined) return true
    range.file.close()
    return this.#decline(obstacle)
  }

  // Asked first, and cheaply: most files of most servers are small.
  #isTooSmall(): boolean {
    const { socket } = this.#destination
    const minimumBytes = socket === null ? false : currentSettings().minimumBytes[engineOf(socket)]
    return minimumBytes !== false && this.#source.holdsLessThan(this.#binding, minimumBytes)
  }

  #decline(reason: FallbackReason): false {
    this.rangeFellBack(reason)
    return false
  }

  #rangeDone(range: FileRange, length: number, socket: Socket | null, error?: Error | null): void {
    range.file.close()
    if (this.#active) countActive(-1)
    this.#active = false
    this.#account(range, socket)
    const failure = range.failure ?? error ?? undefined
    if (failure === undefined && range.bytesSent !== length && socket?.destroyed === false) {
      // Somebody took the chunk out of the socket's hands. Nothing was sent in its place, so the stream has a hole.
      socket.destroy(rangeNotSent(length - range.bytesSent))
    }
    this.#source.advance(this.#binding, range.bytesSent)
    if (range.bytesSent === length) {
      if (this.#source.stream.destroyed) this.#finish(undefined)
    } else {
      this.#finish(failure ?? rangeNotSent(length - range.bytesSent))
    }
    if (failure instanceof KtlsError) this.rangeFailed(failure, () => {})
    else this.#source.completeRead()
  }

  #account(range: FileRange, socket: Socket | null): void {
    this.#bytesSent += range.bytesSent
    if (this.#engine === undefined || range.bytesOffloaded === 0) return
    countBytes(this.#engine, range.bytesOffloaded)
    this.#listener.bytesOffloaded?.(range.bytesOffloaded)
    const encryption = socket === null || engineOf(socket) === 'tcp' ? 'none' : encryptionOf(socket)
    for (const object of new Set<object | null>([this.#destination.object, socket])) {
      if (object === null) continue
      const state = remember(object)
      state.bytesOffloaded += range.bytesOffloaded
      state.encryption = encryption
    }
  }

  // Reported once: when the end is found, or when it will not be, with what ended it.
  #finish(failure: Error | undefined): void {
    const engine = this.#engine
    if (engine === undefined) return
    this.#engine = undefined
    if (failure !== undefined) countTransfer('failed')
    if (failure === undefined) publishTransferEnd(() => this.#event(engine))
    else publishTransferError(() => ({ ...this.#event(engine), error: failure }))
  }

  #event(engine: Engine) {
    return {
      engine,
      source: this.#source.stream,
      destination: this.#destination.object,
      bytesSent: this.#bytesSent,
    }
  }
}

function encryptionOf(socket: Socket): 'kernel' | 'userspace' {
  return SocketWriter.existing(socket)?.isHandedOver ? 'kernel' : 'userspace'
}

function rangeNotSent(bytesMissing: number): KtlsError {
  return new KtlsError(
    'ERR_KTLS_RANGE_NOT_SENT',
    `${bytesMissing} bytes of a file were not sent: the socket's write methods were replaced while it was in use, ` +
      'or it was destroyed. The connection was destroyed, because its stream has a hole.',
  )
}
