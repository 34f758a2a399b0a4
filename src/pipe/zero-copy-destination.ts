import type { Writable } from 'node:stream'
import { createAttachment } from '../attachment.js'
import { sharedSlot } from '../shared-state.js'

// Apart from the pipes themselves, so that to know them readable-stream need not be loaded.
const destinations = sharedSlot('zero-copy pipes', () => createAttachment<object>())

export function isZeroCopyPipe(object: object): boolean {
  return destinations.get(object) !== undefined
}

/** What a zero-copy pipe writes to. */
export function destinationOf(pipe: object): object | undefined {
  return destinations.get(pipe)
}

export function setDestination(pipe: object, destination: object): void {
  destinations.set(pipe, destination)
}

const mark = sharedSlot('mark in zero-copy pipes', () => Buffer.alloc(0))

/** What waitUntilEmpty() writes: nothing for the destination. */
export function isMark(chunk: unknown): boolean {
  return chunk === mark
}

/** Ranges do not go through the pipe, and would overtake what is in it. True: `resume` will be called when it is empty. */
export function waitUntilEmpty(pipedInto: object, resume: () => void): boolean {
  if (!isZeroCopyPipe(pipedInto)) return false
  const pipe = pipedInto as Writable
  if (pipe.destroyed || pipe.writableEnded || (pipe.writableLength === 0 && pipe.writableCorked === 0)) return false
  pipe.write(mark, () => resume())
  return true
}
