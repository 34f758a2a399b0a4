import fs, { ReadStream } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import type { NativeBinding } from '../native/binding.js'
import { type InternalSource, symbolNamed, throwUncaught } from '../node-internals.js'
import {
  catchesErrors,
  isNodesEmit,
  isNodesFileRead,
  isNodesHandleRead,
  isNodesPipeListener,
  isNodesPush,
  isNodesRead,
  isNodesStreamRead,
} from '../nodes-own.js'
import { isOptedOut } from '../opt-out.js'
import type { Remainder, SourceFacts } from './transfer-plan.js'

const { _read, _destroy } = ReadStream.prototype as unknown as InternalSource

/** Core's own read: it fills the buffer, or finds the end. */
export function readOrdinarily(source: InternalSource, size: number): void {
  _read.call(source, size)
}

export const destroyOrdinarily = _destroy

/** What a stream's own `start` and `end` leave of its file, if that is long enough. Infinity: all there is. */
export function bytesLeftAtMost({ pos, end, bytesRead }: InternalSource): number {
  return end + 1 - (pos ?? bytesRead)
}

/** A ReadStream seen as a file with a position. */
export class FileSource {
  readonly stream: ReadStream
  readonly #internals: InternalSource
  readonly #ownRead: InternalSource['_read']
  #holdsNothing = false // what was to flow has flowed
  #reserved: { readonly begin: number; readonly end: number } | undefined

  /** `ownRead`: the _read that it gets for offloading, which does not count as a wrapper. */
  constructor(stream: ReadStream, ownRead: InternalSource['_read']) {
    this.stream = stream
    this.#ownRead = ownRead
    this.#internals = stream as unknown as InternalSource
  }

  get emitsClose(): boolean {
    return this.#internals._readableState.emitClose
  }

  get fd(): number {
    return this.#internals.fd ?? -1
  }

  facts(): SourceFacts {
    const { stream } = this
    const { _read: read } = this.#internals
    return {
      optedOut: isOptedOut(stream),
      unavailable: stream.destroyed || stream.readableEnded,
      wrapped:
        !(read === _read || read === this.#ownRead) ||
        !isNodesFileRead(_read) ||
        this.#internals._readableState.objectMode ||
        !isNodesStreamRead(stream.read) ||
        !isNodesPush(stream.push) ||
        !isNodesEmit(stream.emit),
      customFs: !readsThroughNode(stream),
    }
  }

  /** What can be left of a regular file. Costs less to know than remainder(). Not positive: nothing is known. */
  bytesLeftAtMost(binding: NativeBinding): number {
    const { pos = 0 } = this.#internals
    return Math.min(binding.fileSize(this.fd) - pos, bytesLeftAtMost(this.#internals))
  }

  /** Looks at the file each time: it may have become longer or shorter. */
  remainder(binding: NativeBinding): Remainder {
    const shared = this.isInterrupted
    const offset = shared ? -1 : this.#position(binding)
    const end = offset < 0 ? undefined : this.#findEnd(binding, offset)
    // Core reads nothing at a time then, and takes that for the end.
    if (this.#internals._readableState.highWaterMark === 0) return { shared, isRegularFile: true, offset, bytesLeft: 0 }
    return { shared, isRegularFile: end !== undefined, offset, bytesLeft: (end ?? offset) - offset }
  }

  /** Its next bytes are not its one destination's alone: it has others, or is paused, read along, decoded or destroyed. */
  get isInterrupted(): boolean {
    const { stream } = this
    return (
      stream.destroyed ||
      this.#internals._readableState.pipes.length !== 1 ||
      (stream.readableFlowing !== true && !this.#waitsForDrain) ||
      !this.#isReadByPipeOnly ||
      stream.listenerCount('readable') !== 0 ||
      stream.readableEncoding !== null
    )
  }

  /**
   * Nobody else moves the offset that it reads from. A descriptor that it was given may have others, who would go on behind
   * a range: what is cut off that would be lost.
   */
  get ownsOffset(): boolean {
    return this.#internals.pos !== undefined || this.#internals.flags !== undefined
  }

  /** What pipe() does where the `write` of its destination throws. */
  writeThrew(error: unknown): void {
    const [pipe] = this.#internals._readableState.pipes
    if (pipe !== undefined && catchesErrors(this.stream.listeners('data')[0])) pipe.destroy(error as Error)
    else throwUncaught(error)
  }

  // One listener, and that is pipe()'s own.
  get #isReadByPipeOnly(): boolean {
    const { stream } = this
    return stream.listenerCount('data') === 1 && isNodesPipeListener(stream.rawListeners('data')[0])
  }

  /** Bytes that were read already are still to flow, or pipe() has stopped the source until its destination drains. */
  get flowsLater(): boolean {
    return this.stream.readableLength > 0 || this.#waitsForDrain
  }

  // Not if somebody has let it flow meanwhile: then nobody would ask again at the 'drain'.
  get #waitsForDrain(): boolean {
    if (this.stream.readableFlowing === true) return false
    const { awaitDrainWriters: waited } = this.#internals._readableState
    if (waited === null || waited === undefined) return false
    // Node's own kind of Set is no instance of Set.
    return 'size' in waited ? waited.size > 0 : true
  }

  /** A range is on its way to the destination: as far as anybody can see, the source is being read. */
  beginRange(): void {
    this.#internals._readableState.dataEmitted = true
  }

  /**
   * Calls back when it is paused, taken away from its destination, or read by somebody else as well: its pipe() is to see
   * what comes from there on. What it returns takes that back.
   */
  whenInterrupted(callback: () => void): () => void {
    const { stream } = this
    const reader = (event: string | symbol) => {
      if (event === 'data' || event === 'readable') callback()
    }
    stream.on('pause', callback).on('newListener', reader)
    return () => void stream.off('pause', callback).off('newListener', reader)
  }

  /** Who else reads from the same descriptor, by its own offset, is to get what comes after a range. */
  reserve(binding: NativeBinding, bytes: number): void {
    if (this.#internals.pos !== undefined) return
    const begin = this.#position(binding)
    this.#reserved = { begin, end: begin + bytes }
    binding.setFileOffset(this.fd, begin + bytes)
  }

  /** So many bytes have gone to the destination without being read. */
  advance(binding: NativeBinding, bytes: number): void {
    const reserved = this.#reserved
    this.#reserved = undefined
    if (this.#internals.pos !== undefined) this.#internals.pos += bytes
    else if (reserved !== undefined && reserved.begin + bytes < reserved.end) {
      // Where others have gone on since, what was cut off is lost to them, as what core has read is.
      if (this.#position(binding) === reserved.end) binding.setFileOffset(this.fd, reserved.begin + bytes)
    }
    this.#internals.bytesRead += bytes
  }

  /** Lets the stream ask for more. */
  completeRead(): void {
    if (!this.stream.destroyed) this.stream.push('')
  }

  /** What core does when a read finds nothing more; that there is nothing, the last look at the file has told. */
  end(): void {
    this.stream.push(null)
  }

  /** Lets core read from now on, unless somebody else has put a _read in place of ours. */
  giveBack(): void {
    if (this.#internals._read === this.#ownRead) this.#internals._read = _read
  }

  readOrdinarily(size: number): void {
    readOrdinarily(this.#internals, size)
  }

  /**
   * Node 26.12 takes the chunk that is to flow next out of the stream before it asks for more, and lets it flow afterwards:
   * a range that is written meanwhile would overtake it, and nothing tells. True: there may be such a chunk, and the stream
   * asks again when there is none.
   */
  waitUntilHandedOn(size: number): boolean {
    if (this.#holdsNothing || !('fastChunk' in this.#internals._readableState)) return false
    process.nextTick(() => {
      this.#holdsNothing = true
      try {
        this.readAgain(size)
      } finally {
        this.#holdsNothing = false
      }
    })
    return true
  }

  /** Asks anew for what a read that has waited was asked for: meanwhile the source may have been piped elsewhere. */
  readAgain(size: number): void {
    if (!this.stream.destroyed) this.#internals._read(size)
  }

  // Without `start` the stream reads from the descriptor's own offset, and moves it. Negative: it has none (a FIFO).
  #position(binding: NativeBinding): number {
    return this.#internals.pos ?? binding.fileOffset(this.fd)
  }

  // Undefined: it is no regular file. The answer comes from the inode, so it is not worth a trip to another thread.
  #findEnd(binding: NativeBinding, offset: number): number | undefined {
    const size = binding.fileSize(this.fd)
    if (size < 0) return undefined
    const { end, pos, bytesRead } = this.#internals
    // As in core: without a position `end` counts from where the stream began.
    const lastAllowed = pos === undefined ? offset - bytesRead + end : end
    return Math.min(size, lastAllowed + 1)
  }
}

/** The same in all streams of files. */
let symbolOfFs: symbol | undefined

// Streams of a FileHandle read through a wrapper of Node's, around a real descriptor.
function readsThroughNode(stream: ReadStream): boolean {
  symbolOfFs ??= symbolNamed('kFs', stream)
  if (symbolOfFs !== undefined && Reflect.get(stream, symbolOfFs) === fs) return isNodesRead(fs.read)
  const symbolOfHandle = symbolNamed('kHandle', stream)
  const handle = symbolOfHandle && (Reflect.get(stream, symbolOfHandle) as Partial<FileHandle> | undefined)
  return handle !== undefined && isNodesHandleRead(handle.read)
}
