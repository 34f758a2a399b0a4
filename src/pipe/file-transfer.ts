import { AsyncResource } from 'node:async_hooks'
import type { Socket } from 'node:net'
import { constants } from 'node:os'
import { isOfSource, rangeNotSent } from '../errors.js'
import type { FallbackReason } from '../fallback-reason.js'
import type { NativeBinding } from '../native/binding.js'
import type { WriteCallback } from '../node-internals.js'
import { countActive } from '../observe/stats.js'
import { currentSettings, type Engine } from '../options.js'
import { createRangeChunk, type FileRange, isOver, type RangeObserver, stopRange } from '../socket/file-range.js'
import { SocketWriter } from '../socket/socket-writer.js'
import type { Destination } from './destination.js'
import type { FileSource } from './file-source.js'
import { RangePace } from './range-pace.js'
import { engineOf } from './socket-destination.js'
import { supportFacts } from './support-facts.js'
import { type DestinationFacts, isTooSmall, planRange } from './transfer-plan.js'
import { type TransferListener, TransferReport } from './transfer-report.js'
import {
  onceUnpiped,
  pipeBefore,
  type TransferEnds,
  waitUntilConnected,
  waitUntilPipeIsEmpty,
} from './transfer-wait.js'
import { pipeObstacle } from './zero-copy-destination.js'

const { EBADF } = constants.errno

/** One source on its way to one destination, range by range. */
export class FileTransfer implements RangeObserver {
  /** What the source is piped into: the destination, or a zero-copy pipe before it. */
  readonly pipedInto: object
  readonly #source: FileSource
  readonly #destination: Destination
  readonly #ends: TransferEnds
  readonly #binding: NativeBinding
  readonly #report: TransferReport
  readonly #pace = new RangePace()
  #active = false // a range of it is on its way through the kernel
  #stop: (() => void) | undefined // has the range that is under way end where it is

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
    this.#ends = { source, destination, pipedInto }
    this.#binding = binding
    this.#report = new TransferReport(source.stream, destination.object, listener)
  }

  /** The stream wants its next bytes. Here a transfer chooses its way, each time anew. */
  read(size: number): void {
    if (waitUntilConnected(this.#ends, size) || waitUntilPipeIsEmpty(this.#ends, size)) return
    if (!this.#sendNextRange(size)) this.#source.readOrdinarily(size)
  }

  /** The source is destroyed, or goes to another destination: what is not under way already will not come. */
  sourceGone(error: Error | null): void {
    this.#stop?.()
    if (!this.#active) this.#report.end(error ?? undefined)
  }

  rangeOffloaded(engine: Engine): void {
    this.#active = true
    countActive(1)
    this.#report.begin(engine)
  }

  rangeFellBack(reason: FallbackReason): void {
    this.#report.fellBack(reason)
  }

  // A source without listeners for its errors must not end the process.
  rangeFailed(error: Error, told: () => void): void {
    const { stream } = this.#source
    stream.destroy(stream.listenerCount('error') > 0 ? error : undefined)
    if (stream.closed || !this.#source.emitsClose) told()
    else stream.once('close', told)
  }

  /** False: core is to read, and what it reads goes the ordinary way. */
  #sendNextRange(size: number): boolean {
    if (!this.#report.hasBegun && this.#isTooSmall()) {
      // Nor is any later part larger, so core reads the rest without asking. Piped again, it is looked at again.
      this.#source.giveBack()
      return this.#decline('below-minimum-size')
    }
    const facts = {
      ...this.#source.remainder(this.#binding),
      begun: this.#report.hasBegun,
      maximumBytes: this.#pace.maximumBytes,
    }
    const plan = planRange(this.#source.facts(), facts, this.#destinationFacts(), supportFacts())
    if (!plan.offload) return this.#decline(plan.reason)
    if (plan.length === 0) {
      this.#report.end(undefined)
      this.#source.end()
      return true
    }
    if (this.#source.flowsLater) {
      // The stream asks again when it flows and holds nothing; read now, it would never run out of what it holds.
      this.#source.completeRead()
      return true
    }
    if (this.#source.waitUntilHandedOn(size)) return true
    const { socket } = this.#destination
    if (socket === null) return this.#decline('response-not-current')
    const file = this.#binding.openFile(this.#source.fd)
    if (typeof file === 'number') return this.#decline(file === -EBADF ? 'source-unavailable' : 'descriptor-limit')
    const range: FileRange = {
      file,
      offset: facts.offset,
      remaining: plan.length,
      observer: this,
      bytesSent: 0,
      bytesOffloaded: 0,
    }
    return this.#sendRange(range, socket)
  }

  #sendRange(range: FileRange, socket: Socket): boolean {
    const length = range.remaining
    const beganMs = performance.now()
    let isUnderWay = true
    let forget = () => {}
    this.#source.reserve(this.#binding, length)
    const written = this.#write(range, socket, (error) => {
      isUnderWay = false
      forget()
      if (range.bytesOffloaded === length) this.#pace.sent(length, this.#mayStop, beganMs, performance.now())
      this.#rangeDone(range, length, socket, error)
    })
    if (written === 'declined') this.#source.advance(this.#binding, 0)
    else this.#source.beginRange()
    if (written === 'written' && isUnderWay && this.#mayStop) forget = this.#stopWhenInterrupted(range)
    return written !== 'declined'
  }

  // What it returns takes that back.
  #stopWhenInterrupted(range: FileRange): () => void {
    if (isOver(range)) return () => {}
    const stop = () => stopRange(range)
    // By who made the head.
    if (this.#source.isInterrupted) stop()
    this.#stop = stop
    const forget = this.#source.whenInterrupted(stop)
    return () => {
      this.#stop = undefined
      forget()
    }
  }

  // A range may end anywhere.
  get #mayStop(): boolean {
    return !this.#destination.framesRanges && this.#source.ownsOffset
  }

  #destinationFacts(): DestinationFacts {
    const facts = this.#destination.facts()
    const pipe = pipeBefore(this.#destination, this.pipedInto)
    const obstacle = pipe && pipeObstacle(pipe)
    return obstacle === undefined ? facts : { ...facts, obstacle }
  }

  #write(range: FileRange, socket: Socket, done: WriteCallback): 'written' | 'declined' | 'threw' {
    let obstacle: FallbackReason | undefined
    try {
      const chunk = createRangeChunk(range, socket.writableHighWaterMark)
      obstacle = this.#destination.write(chunk, SocketWriter.of(socket, this.#binding), done)
    } catch (error) {
      // A writeHead() of the user's threw: nothing was written, nor would core write anything more. What it reads in advance
      // it reads where it has read before.
      range.file.close()
      this.#source.advance(this.#binding, 0)
      onceUnpiped(
        this.#source,
        this.pipedInto,
        AsyncResource.bind(() => this.#source.completeRead()),
      )
      this.#source.writeThrew(error)
      return 'threw'
    }
    if (obstacle === undefined) return 'written'
    range.file.close()
    this.#decline(obstacle)
    return 'declined'
  }

  #isTooSmall(): boolean {
    const bytes = this.#source.bytesLeftAtMost(this.#binding)
    return isTooSmall(bytes, engineOf(this.#destination.socket), currentSettings())
  }

  #decline(reason: FallbackReason): false {
    this.rangeFellBack(reason)
    return false
  }

  #rangeDone(range: FileRange, length: number, socket: Socket | null, error?: Error | null): void {
    range.file.close()
    if (this.#active) countActive(-1)
    this.#active = false
    this.#report.sent(range, socket)
    const failure = range.failure ?? error ?? undefined
    const isWell = failure === undefined && socket?.destroyed === false
    const isWhole = range.bytesSent === length || (isWell && range.reached === true && range.stopped === true)
    if (isWell && !isWhole) {
      // Somebody took the chunk out of the socket's hands. Nothing was sent in its place, so the stream has a hole.
      socket.destroy(rangeNotSent(length - range.bytesSent))
    }
    this.#source.advance(this.#binding, range.bytesSent)
    if (isWhole) {
      if (this.#source.stream.destroyed) this.#report.end(this.#source.stream.errored ?? undefined)
    } else {
      this.#report.end(failure ?? rangeNotSent(length - range.bytesSent))
    }
    if (isOfSource(range.failure)) this.rangeFailed(range.failure, () => {})
    else this.#source.completeRead()
  }
}
