import { channel } from 'node:diagnostics_channel'
import type { NativeBinding } from '../../src/native/binding.js'

/** What all copies of the package in this thread share, by name; there once the package is loaded. */
export function sharedSlots(): Map<string, unknown> {
  const slots = Reflect.get(channel('ktls-pipe:state:0'), Symbol.for('ktls-pipe.state')) as
    | Map<string, unknown>
    | undefined
  if (slots === undefined) throw new Error('the package is not loaded')
  return slots
}

/** What is in the slot; it must have been made already. */
export function slot<T>(name: string): T {
  const slots = sharedSlots()
  if (!slots.has(name)) throw new Error(`there is no slot '${name}': [${[...slots.keys()].join(', ')}]`)
  return slots.get(name) as T
}

/** The addon as the package under test has loaded it. */
export function nativeBinding(): NativeBinding {
  const { binding } = slot<{ binding?: NativeBinding }>('binding')
  if (binding === undefined) throw new Error('the addon is not loaded')
  return binding
}

/** Whether small ranges are sent at once on the thread that asks for it, as they are unless this is called. */
export function sendAtOnce(atOnce: boolean): void {
  const limits = slot<Record<string, number>>('bytes at once')
  defaultLimits ??= { ...limits }
  Object.assign(limits, atOnce ? defaultLimits : { tls: -1, tcp: -1 })
}
let defaultLimits: Record<string, number> | undefined

/**
 * From now on files go in ranges of at most so many bytes, at first and as soon as they are seen to be sent fast. Gives what
 * undoes it.
 */
export function limitRanges(firstBytes: number, largestBytes = firstBytes): () => void {
  const limits = slot<object>('limits')
  const before = { ...limits }
  Object.assign(limits, { firstBytes, largestBytes })
  return () => Object.assign(limits, before)
}

/** As far as the package knows, few ranges have ended up to this time: the speed of a connection alone decides of its own. */
export function rangesEndSeldom(untilMs: number): void {
  const borders = slot<{ add(nowMs: number): void }>('range borders')
  for (let i = 100; i >= 0; i--) borders.add(untilMs - 100 * i)
}

/** A kernel without TLS is taken for one that has it, so that each session is refused by itself. */
export function tryEachSession(): void {
  const kernel = slot<object>('kernel tls')
  for (const name of ['hasTls', 'askAgainAtMs']) if (!Object.hasOwn(kernel, name)) throw new Error(`it has no ${name}`)
  Object.defineProperties(kernel, {
    hasTls: { get: () => true, set: () => {} },
    askAgainAtMs: { get: () => Number.POSITIVE_INFINITY, set: () => {} },
  })
}
