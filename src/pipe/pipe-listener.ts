import { ReadStream } from 'node:fs'
import { createAttachment } from '../attachment.js'
import { sharedSlot } from '../shared-state.js'
import { offloadReads } from './offloaded-reads.js'
import { isIntercepting } from './pipe-interceptor.js'

/** What a file is piped into: it is told so by the event 'pipe', before the first byte is read. */
type PipeDestination = object & Pick<NodeJS.WritableStream, 'on'>

const destinations = sharedSlot('pipe listeners', () => createAttachment<true>())

/** Files that are piped into this one object are offloaded where possible, whether or not install() was called. */
export function offloadPipesInto(destination: PipeDestination): void {
  if (destinations.get(destination)) return
  destinations.set(destination, true)
  destination.on('pipe', (source: unknown) => {
    // With install() the pipe was planned before this event.
    if (source instanceof ReadStream && !isIntercepting()) offloadReads(source, destination)
  })
}
