import { ReadStream } from 'node:fs'
import type { Socket } from 'node:net'
import { invalidArgument } from './errors.js'
import { isObject } from './is-object.js'
import { loadedModule } from './node-internals.js'
import { type OffloadState, rememberedState } from './observe/remembered.js'
import { optOut } from './opt-out.js'
import { isEncryptedHttp2, isHttp2 } from './pipe/http2.js'
import { destinationOf } from './pipe/zero-copy-destination.js'
import { encryptionOf } from './socket/socket-writer.js'

/**
 * Who encrypts, and how much was offloaded. Of a response it may still be asked after 'finish'.
 *
 * @param of a socket, a request, a response or a zero-copy pipe
 * @throws TypeError ERR_KTLS_INVALID_ARGUMENT
 */
export function getOffloadState(of: object): OffloadState {
  const inner = isObject(of) ? (destinationOf(of) ?? of) : of
  if (isObject(inner) && isHttp2(inner)) {
    const encryption = isEncryptedHttp2(inner) ? 'userspace' : 'none'
    return { encryption, bytesOffloaded: 0, fallbackReason: 'http2' }
  }
  const socket = socketOf(inner)
  if (socket === undefined && inner === of) {
    throw invalidArgument('of', 'a socket, a request, a response or a zero-copy pipe', of)
  }
  const { encryption, bytesOffloaded = 0, fallbackReason } = rememberedState(inner) ?? {}
  const state: OffloadState = { encryption: encryption ?? encryptionOf(socket ?? null), bytesOffloaded }
  return fallbackReason === undefined ? state : { ...state, fallbackReason }
}

/**
 * Leaves a socket, a response, a request or a ReadStream to Node's ordinary path (`false`), or no longer (`true`).
 *
 * @throws TypeError ERR_KTLS_INVALID_ARGUMENT
 */
export function setOffload(of: object, offload: boolean): void {
  if (typeof offload !== 'boolean') throw invalidArgument('offload', 'a boolean', offload)
  if (!(of instanceof ReadStream) && socketOf(of) === undefined && !(isObject(of) && isHttp2(of))) {
    throw invalidArgument('of', 'a socket, a response, a request or a ReadStream', of)
  }
  optOut(of as object, !offload)
}

/** The socket of a socket, response or request; null where it has none now; undefined for anything else. */
function socketOf(object: unknown): Socket | null | undefined {
  if (!isObject(object)) return undefined
  const net = loadedModule('net')
  if (net !== undefined && object instanceof net.Socket) return object
  const http = loadedModule('http')
  if (http === undefined) return undefined
  if (object instanceof http.IncomingMessage) return object.socket
  if (object instanceof http.ServerResponse) return object.socket ?? object.req.socket
  return object instanceof http.OutgoingMessage ? object.socket : undefined
}
