import type { Destination } from './destination.js'
import type { FileSource } from './file-source.js'
import { waitUntilEmpty } from './zero-copy-destination.js'

/** Between what a transfer moves its bytes. */
export interface TransferEnds {
  readonly source: FileSource
  readonly destination: Destination
  /** The destination's object, or a zero-copy pipe before it. */
  readonly pipedInto: object
}

/** True: the destination is not connected, and the source will be read again when that has changed. */
export function waitUntilConnected({ source, destination, pipedInto }: TransferEnds, size: number): boolean {
  let forget = () => {}
  let waits = true
  const goOn = () => {
    forget()
    if (waits) source.readAgain(size)
    waits = false
  }
  if (!destination.waitUntilConnected(goOn)) return false
  // Who takes it away meanwhile may have it flow elsewhere at once.
  forget = onceUnpiped(source, pipedInto, goOn)
  return true
}

/** True: a zero-copy pipe holds something, and the source will be read again when that has gone. */
export function waitUntilPipeIsEmpty({ source, destination, pipedInto }: TransferEnds, size: number): boolean {
  const pipe = pipeBefore(destination, pipedInto)
  if (pipe === undefined) return false
  return waitUntilEmpty(pipe, (error) => {
    if (!error) source.readAgain(size)
    else if (!source.stream.destroyed) source.readOrdinarily(size)
  })
}

/** The zero-copy pipe that the source is piped into, if there is one. */
export function pipeBefore(destination: Destination, pipedInto: object): object | undefined {
  return pipedInto === destination.object ? undefined : pipedInto
}

/** Calls back when the source is taken away. What it returns takes that back. */
export function onceUnpiped(source: FileSource, pipedInto: object, callback: () => void): () => void {
  const pipe = pipedInto as NodeJS.EventEmitter
  const unpiped = (stream: unknown) => {
    if (stream !== source.stream) return
    forget()
    callback()
  }
  const forget = () => void pipe.off('unpipe', unpiped)
  pipe.on('unpipe', unpiped)
  return forget
}
