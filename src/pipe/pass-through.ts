import type { OutgoingMessage } from 'node:http'
import type { InternalMessage } from '../node-internals.js'
import { isNodesMessageWrite } from '../nodes-own.js'

type Http = typeof import('node:http')

/**
 * The `write` that compression puts in front of a response's own, as in its releases, without white space. With no
 * compression stream it hands the chunk on unread.
 */
const knownWrites = new Set(
  [
    // 1.8.0 to 1.8.2
    `function write (chunk, encoding) {
      if (ended) { return false }
      if (!headersSent(res)) { this.writeHead(this.statusCode) }
      return stream ? stream.write(toBuffer(chunk, encoding)) : _write.call(this, chunk, encoding)
    }`,
    // 1.7.4 and 1.7.5
    `function write (chunk, encoding) {
      if (ended) { return false }
      if (!this._header) { this._implicitHeader() }
      return stream ? stream.write(toBuffer(chunk, encoding)) : _write.call(this, chunk, encoding)
    }`,
    // 1.7.0 to 1.7.3
    `function write (chunk, encoding) {
      if (ended) { return false }
      if (!this._header) { this._implicitHeader() }
      return stream ? stream.write(Buffer.from(chunk, encoding)) : _write.call(this, chunk, encoding)
    }`,
  ].map(withoutSpace),
)

/** Whether the message's `write` is one that may hand chunks on unread. Whether it does it knows with the head. */
export function mayPassThrough(message: OutgoingMessage): boolean {
  const { write } = message
  return typeof write === 'function' && knownWrites.has(withoutSpace(Function.prototype.toString.call(write)))
}

/**
 * Whether a chunk given to `message.write`, one that `mayPassThrough`, comes to Node's own `write` at once, the same, and
 * through nobody else. Makes the head, as the first write would. Nothing is written where it does; otherwise no bytes.
 */
export function passesThrough(message: OutgoingMessage, http: Http): boolean {
  const internals = message as unknown as InternalMessage
  if (!message.headersSent) internals._implicitHeader()
  if (!isIdentity(message.getHeader('content-encoding'))) return false
  const { write } = http.OutgoingMessage.prototype
  if (!isNodesMessageWrite(write)) return false
  const probe = Buffer.alloc(0)
  let arrived = false
  // The text ends in `_write.call(this, chunk, encoding)`: if `_write` is Node's, this is that call.
  Object.defineProperty(write, 'call', {
    configurable: true,
    value: (receiver: unknown, chunk: unknown) => {
      arrived = receiver === message && chunk === probe
      return true
    },
  })
  try {
    message.write(probe)
  } finally {
    Reflect.deleteProperty(write, 'call')
  }
  return arrived
}

function isIdentity(encoding: unknown): boolean {
  return encoding === undefined || encoding === 'identity'
}

function withoutSpace(text: string): string {
  return text.replace(/\s+/g, '')
}
