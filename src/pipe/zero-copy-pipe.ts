import { ReadStream } from 'node:fs'
import { addAbortSignal, type Writable as CoreWritable } from 'node:stream'
import { Writable } from 'readable-stream'
import { invalidArgument } from '../errors.js'
import type { FallbackReason } from '../fallback-reason.js'
import type { WriteCallback } from '../node-internals.js'
import { offloadReads } from './offloaded-reads.js'
import { isMark, setDestination } from './zero-copy-destination.js'

export interface ZeroCopyPipeOptions {
  /** End the destination when the pipe ends. Default: true. */
  end?: boolean
  /** Destroys the pipe with an AbortError. */
  signal?: AbortSignal
}

/** Events of its own: 'offload' (engine) and 'fallback' (reason), at most once each per source. */
export interface ZeroCopyPipe extends CoreWritable {
  /** Whether the kernel carries the bytes; undefined until that is known. */
  readonly offloaded: boolean | undefined
  /** Why the ordinary path was taken, wholly or in part. */
  readonly fallbackReason: FallbackReason | undefined
  /** Bytes of files that the kernel has carried so far. */
  readonly bytesOffloaded: number
}

/**
 * A Writable in front of `destination`. A file stream that is piped into it is carried by the kernel where that is
 * possible; everything else, and every other source, is passed on as it is.
 *
 * @throws TypeError ERR_KTLS_INVALID_ARGUMENT
 * @example
 * createReadStream('film.mp4').pipe(createZeroCopyPipe(res))
 */
export function createZeroCopyPipe(
  destination: NodeJS.WritableStream,
  options: ZeroCopyPipeOptions = {},
): ZeroCopyPipe {
  const { write, on } = (destination ?? {}) as Partial<NodeJS.WritableStream>
  if (typeof write !== 'function' || typeof on !== 'function') {
    throw invalidArgument('destination', 'a Writable', destination)
  }
  if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'an object', options)
  const { end = true, signal } = options
  if (typeof end !== 'boolean') throw invalidArgument('options.end', 'a boolean', end)
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidArgument('options.signal', 'an AbortSignal', signal)
  }
  // readable-stream's Writable has all of core's, but its types do not say so.
  const pipe = new ForwardingWritable(destination as DestinationStream, end) as unknown as ZeroCopyPipe
  setDestination(pipe, destination)
  if (signal !== undefined) addAbortSignal(signal, pipe)
  return pipe
}

type DestinationStream = NodeJS.WritableStream & {
  destroyed?: boolean
  writableFinished?: boolean
  writableHighWaterMark?: number
}

class ForwardingWritable extends Writable {
  offloaded: boolean | undefined
  fallbackReason: FallbackReason | undefined
  bytesOffloaded = 0
  readonly #destination: DestinationStream
  readonly #end: boolean
  readonly #onDestinationError = (error: Error) => this.destroy(error)
  readonly #onDestinationClose = () => this.#destinationClosed()

  constructor(destination: DestinationStream, end: boolean) {
    super({ decodeStrings: false, highWaterMark: destination.writableHighWaterMark ?? 64 * 1024 })
    this.#destination = destination
    this.#end = end
    destination.on('error', this.#onDestinationError)
    destination.on('close', this.#onDestinationClose)
    if (destination.destroyed === true) process.nextTick(() => this.#destinationClosed())
    this.on('pipe', (source: unknown) => {
      if (source instanceof ReadStream) this.#prepare(source)
    })
  }

  override _write(chunk: unknown, encoding: BufferEncoding, callback: WriteCallback): void {
    if (isMark(chunk)) return callback()
    this.#destination.write(chunk as string, encoding, callback)
  }

  override _final(callback: WriteCallback): void {
    if (!this.#end) return callback()
    const destination = this.#destination
    if (destination.writableFinished === true) return callback()
    destination.once('finish', () => callback())
    destination.end()
  }

  // As when a source is unpiped: the destination is left open, for whoever has it.
  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#destination.removeListener('close', this.#onDestinationClose)
    this.#destination.removeListener('error', this.#onDestinationError)
    callback(error)
  }

  #destinationClosed(): void {
    if (!this.writableFinished && !this.destroyed) this.destroy()
  }

  #prepare(source: ReadStream): void {
    offloadReads(source, this, this.#destination, {
      offloaded: (engine) => {
        this.offloaded = true
        this.#tell('offload', engine)
      },
      fellBack: (reason) => {
        this.offloaded ??= false
        this.fallbackReason = reason
        this.#tell('fallback', reason)
      },
      bytesOffloaded: (bytes) => {
        this.bytesOffloaded += bytes
      },
    })
  }

  // Not in the middle of a write of the socket's: what a listener writes there, core would lose; and should one throw, the
  // write would be left half done.
  #tell(event: string, value: unknown): void {
    process.nextTick(() => this.emit(event, value))
  }
}
