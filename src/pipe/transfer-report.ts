import type { Socket } from 'node:net'
import type { FallbackReason } from '../fallback-reason.js'
import { publishTransferEnd, publishTransferError, publishTransferStart } from '../observe/diagnostics.js'
import { recordFallback } from '../observe/fallback.js'
import { remember } from '../observe/remembered.js'
import { countBytes, countTransfer } from '../observe/stats.js'
import type { Engine } from '../options.js'
import type { FileRange } from '../socket/file-range.js'
import { encryptionOf } from '../socket/socket-writer.js'

/** Who else wants to know how a transfer goes (a zero-copy pipe). */
export interface TransferListener {
  offloaded?(engine: Engine): void
  fellBack?(reason: FallbackReason): void
  bytesOffloaded?(bytes: number): void
}

/** What is told of one transfer: counted, published, remembered for its objects. One beginning, one end, one reason. */
export class TransferReport {
  readonly #source: object
  readonly #destination: object
  readonly #listener: TransferListener
  #engine: Engine | undefined
  #ended = false
  #fallbackReason: FallbackReason | undefined
  #bytesSent = 0

  constructor(source: object, destination: object, listener: TransferListener) {
    this.#source = source
    this.#destination = destination
    this.#listener = listener
  }

  /** A part of it was offloaded. */
  get hasBegun(): boolean {
    return this.#engine !== undefined
  }

  begin(engine: Engine): void {
    if (this.#engine !== undefined) return
    this.#engine = engine
    countTransfer(engine)
    publishTransferStart(() => this.#event(engine))
    this.#listener.offloaded?.(engine)
  }

  fellBack(reason: FallbackReason): void {
    if (this.#fallbackReason !== undefined) return
    this.#fallbackReason = reason
    recordFallback(reason, this.#source, this.#destination)
    this.#listener.fellBack?.(reason)
  }

  /** A range of it has gone to `socket`, wholly or in part. */
  sent({ bytesSent, bytesOffloaded }: FileRange, socket: Socket | null): void {
    this.#bytesSent += bytesSent
    if (this.#engine === undefined || bytesOffloaded === 0) return
    countBytes(this.#engine, bytesOffloaded)
    this.#listener.bytesOffloaded?.(bytesOffloaded)
    const encryption = encryptionOf(socket)
    for (const object of new Set([this.#destination, socket])) {
      if (object === null) continue
      const state = remember(object)
      state.bytesOffloaded += bytesOffloaded
      state.encryption = encryption
    }
  }

  /** Its end was found, or will not be reached: with what ended it. */
  end(failure: Error | undefined): void {
    const engine = this.#engine
    if (engine === undefined || this.#ended) return
    this.#ended = true
    if (failure !== undefined) countTransfer('failed')
    if (failure === undefined) publishTransferEnd(() => this.#event(engine))
    else publishTransferError(() => ({ ...this.#event(engine), error: failure }))
  }

  #event(engine: Engine) {
    return { engine, source: this.#source, destination: this.#destination, bytesSent: this.#bytesSent }
  }
}
