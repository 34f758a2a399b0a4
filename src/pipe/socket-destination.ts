import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { FallbackReason } from '../fallback-reason.js'
import {
  asInternal,
  type InternalSocket,
  isTlsSocket,
  loadedModule,
  type StreamHandle,
  type WriteCallback,
} from '../node-internals.js'
import { isNodesSocketWrite, isNodesSocketWriteGeneric, isNodesSocketWritev, isNodesWrite } from '../nodes-own.js'
import { isOptedOut } from '../opt-out.js'
import type { Engine } from '../options.js'
import type { RangeWriter } from '../socket/queued-ranges.js'
import { hasOwnMethods } from '../socket/socket-methods.js'
import { SocketWriter } from '../socket/socket-writer.js'
import type { DestinationFacts } from './transfer-plan.js'

/** A net.Socket or TLSSocket that a file is piped into. */
export class SocketDestination {
  readonly object: Socket
  readonly socket: Socket
  readonly bytesAtMost = Number.POSITIVE_INFINITY
  readonly framesRanges = false

  constructor(socket: Socket) {
    this.object = socket
    this.socket = socket
  }

  facts(): DestinationFacts {
    const { socket } = this
    const unavailable = socket.destroyed || socket.writableEnded
    return {
      optedOut: isOptedOut(socket),
      engine: engineOf(socket),
      obstacle: unavailable ? 'destination-unavailable' : socketObstacle(socket),
      momentaryObstacle: undefined,
    }
  }

  waitUntilConnected(resume: () => void): boolean {
    return waitUntilConnected(this.socket, resume)
  }

  write(rangeChunk: Buffer, writer: RangeWriter, callback: WriteCallback): FallbackReason | undefined {
    writer.queueRange(rangeChunk, callback)
    return undefined
  }
}

/** Undefined: there is no socket yet. */
export function engineOf(socket: Socket | null): Engine | undefined {
  if (socket === null) return undefined
  return isTlsSocket(socket) ? 'tls' : 'tcp'
}

/** Why no range can be written to a socket that is open. */
export function socketObstacle(socket: Socket): FallbackReason | undefined {
  // A message may be on any stream.
  const net = loadedModule('net')
  if (net === undefined || !(socket instanceof net.Socket)) return 'socket-not-tcp'
  const internals = asInternal(socket)
  const handle = internals._handle
  const writer = SocketWriter.existing(socket)
  // Anybody else's methods see bytes that a range would not show them.
  if (!isNodesWrite(internals.write) || !isNodesSocketWriteGeneric(internals._writeGeneric)) return 'socket-wrapped'
  if (!(writer === undefined ? hasNodesMethods(internals) : hasOwnMethods(internals))) return 'socket-wrapped'
  if ('alpnProtocol' in socket && socket.alpnProtocol === 'h2') return 'http2'
  if (!socket.connecting) {
    if (!handle) return 'destination-unavailable'
    if (!isOnTcp(socket, handle)) return 'socket-not-tcp'
  }
  return writer?.refusal
}

function hasNodesMethods({ _write, _writev }: InternalSocket): boolean {
  return isNodesSocketWrite(_write) && isNodesSocketWritev(_writev)
}

// TLS over TLS has the same descriptor as the connection below it, and writes to it natively.
function isOnTcp(socket: Socket, handle: StreamHandle): boolean {
  const transport = engineOf(socket) === 'tls' ? handle._parent : handle
  return transport?.constructor.name === 'TCP' && transport._parent === undefined && (transport.fd ?? -1) >= 0
}

/**
 * A handshake is under way: not both ends have said their last word of it. On a TLSSocket that nobody's server or
 * connect() made, the flag alone is never cleared.
 */
export function isSecuring(socket: Socket): boolean {
  if ((socket as { secureConnecting?: boolean }).secureConnecting !== true) return false
  const { getFinished, getPeerFinished } = socket as Partial<TLSSocket>
  return [getFinished, getPeerFinished].some((said) => said?.call(socket) === undefined)
}

/** Calls `resume` once when a socket that is being connected has succeeded or failed. */
export function waitUntilConnected(socket: Socket, resume: () => void): boolean {
  if (socket.destroyed || (!socket.connecting && !isSecuring(socket))) return false
  // 'secure' comes to every TLSSocket; tls.connect() has checked the certificate by then, in a listener before ours.
  const event = engineOf(socket) === 'tls' ? 'secure' : 'connect'
  const settle = () => {
    socket.off(event, settle).off('close', settle)
    resume()
  }
  socket.once(event, settle).once('close', settle)
  return true
}
