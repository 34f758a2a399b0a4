import type { Writable } from 'node:stream'
import { createAttachment } from '../attachment.js'
import type { FallbackReason } from '../fallback-reason.js'
import type { WriteCallback } from '../node-internals.js'
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

/** Why no range of a source goes past the pipe. */
export function pipeObstacle(pipe: object): FallbackReason | undefined {
  const { destroyed, writableEnded } = pipe as Writable
  if (destroyed || writableEnded) return 'destination-unavailable'
  return ['write', '_write'].some((method) => Object.hasOwn(pipe, method)) ? 'response-wrapped' : undefined
}

/**
 * Ranges do not go through the pipe, and would overtake what is in it. True: `resume` will be called when it is empty, or
 * with an error if it never will be.
 */
export function waitUntilEmpty(pipe: object, resume: WriteCallback): boolean {
  const { destroyed, writableEnded, writableLength, writableCorked } = pipe as Writable
  if (destroyed || writableEnded || (writableLength === 0 && writableCorked === 0)) return false
  ;(pipe as Writable).write(mark, resume)
  return true
}
