import { ReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { isObject } from '../is-object.js'
import { sharedSlot } from '../shared-state.js'
import { offloadReads } from './offloaded-reads.js'

type Pipe = Readable['pipe']

const prototype = ReadStream.prototype as Omit<ReadStream, 'pipe'> & { pipe?: Pipe }
const state = sharedSlot('interceptor', () => ({
  pipe: undefined as Pipe | undefined,
  before: undefined as PropertyDescriptor | undefined,
}))

/** Gives fs.ReadStream.prototype a pipe() of its own: plan, then the pipe that was there before. Idempotent. */
export function interceptPipe(): void {
  if (state.pipe !== undefined) return
  const before = Object.getOwnPropertyDescriptor(prototype, 'pipe')
  const own = before?.value as Pipe | undefined
  const pipe = function pipe(this: ReadStream, ...parameters: Parameters<Pipe>): NodeJS.WritableStream {
    const destination: unknown = parameters[0]
    // Taken away, it may live on inside somebody's wrapper.
    if (state.pipe === pipe && isObject(destination)) offloadReads(this, destination)
    // The inherited one is looked up at each call, so that whoever replaces it later is still heard.
    return Reflect.apply(own ?? (Object.getPrototypeOf(prototype) as Readable).pipe, this, parameters)
  } as Pipe
  // As the inherited one's, whatever a bundler makes of it.
  Object.defineProperties(pipe, { name: { value: 'pipe' }, length: { value: 2 } })
  Object.defineProperty(prototype, 'pipe', { value: pipe, configurable: true, writable: true, enumerable: false })
  state.pipe = pipe
  state.before = before
}

export function isIntercepting(): boolean {
  return state.pipe !== undefined
}

/** Takes it away again. A pipe() that somebody wrapped around ours stays, and plans no more. */
export function restorePipe(): void {
  if (Object.hasOwn(prototype, 'pipe') && prototype.pipe === state.pipe) {
    if (state.before === undefined) delete prototype.pipe
    else Object.defineProperty(prototype, 'pipe', state.before)
  }
  state.pipe = undefined
}
