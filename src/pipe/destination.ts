import type { OutgoingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FallbackReason } from '../fallback-reason.js'
import type { WriteCallback } from '../node-internals.js'
import { loadedModule } from '../node-internals.js'
import type { RangeWriter } from '../socket/queued-ranges.js'
import { isHttp2 } from './http2.js'
import { MessageDestination } from './message-destination.js'
import { SocketDestination } from './socket-destination.js'
import type { DestinationFacts } from './transfer-plan.js'
import { isZeroCopyPipe } from './zero-copy-destination.js'

/** Something that ranges can be written to. */
export interface Destination {
  /** What the user pipes into. */
  readonly object: object
  readonly socket: Socket | null
  /** What it has announced to take (Content-Length). Infinity: nothing is known. */
  readonly bytesAtMost: number
  /** The length of a range is written in front of it (a chunk of a chunked body), so it has to be sent whole. */
  readonly framesRanges: boolean
  facts(): DestinationFacts
  /** True: it is not connected yet, and `resume` will be called when that has changed. */
  waitUntilConnected(resume: () => void): boolean
  /** Writes a range in its place in the socket's order. A reason: nothing was written, and nothing will be. */
  write(rangeChunk: Buffer, writer: RangeWriter, callback: WriteCallback): FallbackReason | undefined
}

/** A destination that ranges can be written to, or why `object` is none. Undefined: it prepares its sources itself. */
export function destinationFor(object: object): Destination | FallbackReason | undefined {
  const { net, http } = { net: loadedModule('net'), http: loadedModule('http') }
  if (http !== undefined && object instanceof http.OutgoingMessage) {
    return new MessageDestination(object as OutgoingMessage, http)
  }
  if (net !== undefined && object instanceof net.Socket) return new SocketDestination(object)
  if (isZeroCopyPipe(object)) return undefined
  return isHttp2(object) ? 'http2' : 'destination-unsupported'
}
