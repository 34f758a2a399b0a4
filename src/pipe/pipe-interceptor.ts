import { ReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { sharedSlot } from '../shared-state.js'
import { offloadReads } from './offloaded-reads.js'
import { isZeroCopyPipe } from './zero-copy-pipe.js'

type Pipe = Readable['pipe']

const prototype = ReadStream.prototype as Omit<ReadStream, 'pipe'> & { pipe?: Pipe }
const state = sharedSlot('interceptor', () => ({ pipe: undefined as Pipe | undefined }))

/** Gives fs.ReadStream.prototype a pipe() of its own: plan, then the pipe that it inherits. Idempotent. */
export function interceptPipe(): void {
  if (state.pipe !== undefined) return
  const pipe = function pipe(this: ReadStream, ...parameters: Parameters<Pipe>): NodeJS.WritableStream {
    const destination: unknown = parameters[0]
    // A zero-copy pipe prepares the source itself, installed or not.
    if (isObject(destination) && !isZeroCopyPipe(destination)) offloadReads(this, destination)
    // Looked up at each call, so that whoever replaces Readable.prototype.pipe later is still heard.
    return Reflect.apply((Object.getPrototypeOf(prototype) as Readable).pipe, this, parameters)
  } as Pipe
  Object.defineProperty(prototype, 'pipe', { value: pipe, configurable: true, writable: true, enumerable: false })
  state.pipe = pipe
}

/** Takes it away again. A pipe() that somebody wrapped around ours stays, and goes on planning. */
export function restorePipe(): void {
  if (Object.hasOwn(prototype, 'pipe') && prototype.pipe === state.pipe) delete prototype.pipe
  state.pipe = undefined
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
