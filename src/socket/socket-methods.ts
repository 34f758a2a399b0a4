import {
  type ChunkBatch,
  type InternalSocket,
  type StreamHandle,
  symbolNamed,
  type WriteCallback,
} from '../node-internals.js'
import { sharedSlot } from '../shared-state.js'

/** What a socket's own methods do. */
export interface SocketWork {
  write(chunks: ChunkBatch, callback: WriteCallback): void
  final(shutDown: () => void): void
  destroy(error: Error | null, closeSocket: () => void): void
  /** Nobody wants the rest of the file that is being sent. */
  readonly sendsInVain: boolean
  readonly bytesWrittenPastNode: number
  hasAdvanced(): boolean
}

interface Work {
  readonly methods: SocketWork
  readonly final: InternalSocket['_final']
  readonly destroy: InternalSocket['_destroy']
  readonly destroySoon: InternalSocket['destroySoon']
  readonly timeOut: InternalSocket['_onTimeout']
}

// A property and no private name: it is found through a Proxy around the socket, too, and must be.
const work = sharedSlot('work of sockets', () => Symbol('ktls-pipe'))
const workOf = (socketOrHandle: object) => Reflect.get(socketOrHandle, work) as Work

// The same functions for every socket: where each has closures of its own, V8 lets the sockets grow old before they are
// collected, which costs a server of short connections a third of its requests.
const own = sharedSlot('methods of sockets', () => ({
  _write(this: InternalSocket, chunk: Buffer | string, encoding: BufferEncoding | 'buffer', callback: WriteCallback) {
    workOf(this).methods.write([{ chunk, encoding }], callback)
  },
  _writev(this: InternalSocket, chunks: ChunkBatch, callback: WriteCallback) {
    workOf(this).methods.write(chunks, callback)
  },
  _final(this: InternalSocket, callback: WriteCallback) {
    const { methods, final } = workOf(this)
    methods.final(() => final.call(this, callback))
  },
  _destroy(this: InternalSocket, error: Error | null, callback: WriteCallback) {
    const { methods, destroy } = workOf(this)
    methods.destroy(error, () => destroy.call(this, error, callback))
  },
  // Core has nothing of a file left but what it has read.
  destroySoon(this: InternalSocket) {
    const { methods, destroySoon } = workOf(this)
    if (methods.sendsInVain) this.destroy()
    else destroySoon.call(this)
  },
  // As Node's own, which looks whether the handle's queue has become shorter.
  _onTimeout(this: InternalSocket) {
    const { methods, timeOut } = workOf(this)
    if (methods.hasAdvanced()) this._unrefTimer()
    else timeOut.call(this)
  },
}))

// Not to be seen by who lists what a socket has.
const ownProperties = Object.fromEntries(
  Object.entries(own).map(([name, value]) => [name, { value, configurable: true, writable: true }]),
)

// socket.bytesWritten asks the handle, which knows only what went through it.
const bytesWritten = sharedSlot('bytesWritten of handles', () => ({
  configurable: true,
  get(this: StreamHandle): number {
    const prototype = Object.getPrototypeOf(this) as object
    return Number(Reflect.get(prototype, 'bytesWritten', this)) + workOf(this).methods.bytesWrittenPastNode
  },
}))

/**
 * Gives the socket own write methods. They are the ones that Node's Writable calls, one write at a time and in order,
 * and stay for the socket's life.
 */
export function takeOverMethods(socket: InternalSocket, methods: SocketWork): void {
  const { _final: final, _destroy: destroy, destroySoon, _onTimeout: timeOut } = socket
  const value: Work = { methods, final, destroy, destroySoon, timeOut }
  Object.defineProperty(socket, work, { value, configurable: true })
  Object.defineProperties(socket, ownProperties)
  takeOverHandle(socket)
  takeOverTimer(socket)
}

// A timer that runs already calls what was there when it was set.
function takeOverTimer(socket: InternalSocket): void {
  const symbol = symbolNamed('timeout', socket)
  const timer = symbol && (Reflect.get(socket, symbol) as { _onTimeout?: unknown } | null)
  if (typeof timer?._onTimeout === 'function') timer._onTimeout = () => socket._onTimeout()
}

/** True: the handle is another one than before. */
export function takeOverHandle(socket: InternalSocket): boolean {
  const { _handle: handle } = socket
  const value = workOf(socket)
  if (handle === null || Reflect.get(handle, work) === value) return false
  // A handle may come to another socket.
  Object.defineProperty(handle, work, { value, configurable: true })
  Object.defineProperty(handle, 'bytesWritten', bytesWritten)
  return true
}

/** Nobody has put other methods in place of these. */
export function hasOwnMethods(socket: InternalSocket): boolean {
  return socket._write === own._write && socket._writev === own._writev
}
