import type { EventEmitter } from 'node:events'

export interface Deferred<Value> {
  promise: Promise<Value>
  resolve: (value: Value) => void
}

export function deferred<Value>(): Deferred<Value> {
  let resolve: (value: Value) => void = () => {}
  const promise = new Promise<Value>((resolvePromise) => {
    resolve = resolvePromise
  })
  return { promise, resolve }
}

/** Until an event, whatever else happens; once() rejects at an 'error'. */
export function until(emitter: EventEmitter, event: string): Promise<void> {
  return new Promise((resolve) => emitter.once(event, () => resolve()))
}

/** What follows without any further cause has happened. */
export async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; ++i) await new Promise((resolve) => setImmediate(resolve))
}
