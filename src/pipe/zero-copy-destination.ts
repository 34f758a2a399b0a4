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
