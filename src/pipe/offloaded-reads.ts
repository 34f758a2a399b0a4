import type { ReadStream } from 'node:fs'
import type { Writable } from 'node:stream'
import { createAttachment } from '../attachment.js'
import { loadBinding } from '../native/load.js'
import type { InternalSource, WriteCallback } from '../node-internals.js'
import { recordFallback } from '../observe/fallback.js'
import { sharedSlot } from '../shared-state.js'
import { destinationFor } from './destination.js'
import { destroyOrdinarily, FileSource, readOrdinarily } from './file-source.js'
import { FileTransfer, type TransferListener } from './file-transfer.js'
import { supportFacts } from './support-facts.js'
import { planTransfer } from './transfer-plan.js'

/** What serves the reads of a source. */
interface Reads {
  readonly file: FileSource
  /** By what the source is piped into now. */
  readonly transfers: Map<object, FileTransfer>
  /** The one that was asked last. */
  latest: FileTransfer | undefined
  /** The _destroy that ours was put in front of. */
  destroy: InternalSource['_destroy'] | undefined
}

const readsOf = sharedSlot('offloaded reads', () => createAttachment<Reads>())

// The same two functions for every source: where each has closures of its own, V8 lets the streams grow old before they
// are collected, which costs a server of small files a quarter of its requests.
const methods = sharedSlot('methods of offloaded reads', () => ({
  read(this: InternalSource, size: number): void {
    const reads = readsOf.get(this)
    if (reads === undefined) return readOrdinarily(this, size)
    const [transfer, ...others] = this._readableState.pipes.map((pipe) => reads.transfers.get(pipe))
    if (reads.latest !== transfer) reads.latest?.sourceGone(null)
    reads.latest = transfer
    if (others.length === 0 && transfer !== undefined) {
      transfer.read(size)
      if (this._read === methods.read) watchDestroy(this, reads)
      return
    }
    // Several destinations share what is read once.
    for (const shared of [transfer, ...others]) shared?.rangeFellBack('source-shared')
    readOrdinarily(this, size)
  },
  destroy(this: InternalSource, error: Error | null, callback: WriteCallback): void {
    const reads = readsOf.get(this)
    reads?.latest?.sourceGone(error)
    Reflect.apply(reads?.destroy ?? destroyOrdinarily, this, [error, callback])
  },
}))

// Only once something may be on its way: of a small file there is nothing to be told.
function watchDestroy(source: InternalSource, reads: Reads): void {
  if (reads.destroy !== undefined) return
  reads.destroy = source._destroy
  source._destroy = methods.destroy
}

/**
 * Prepares a source that is about to be piped into `pipedInto`, whose bytes end up in `object` (the same, unless a
 * zero-copy pipe lies between). Nothing of pipe() is done here: the source only gets a _read of its own, which sends
 * ranges while it can and is core's otherwise, and a _destroy that tells of transfers that were given up.
 */
export function offloadReads(
  source: ReadStream,
  pipedInto: object,
  object: object = pipedInto,
  listener: TransferListener = {},
): void {
  const known = readsOf.get(source)
  const file = known?.file ?? new FileSource(source, methods.read)
  const destination = destinationFor(object)
  const { binding } = loadBinding()
  const plan =
    typeof destination === 'string'
      ? { offload: false as const, reason: destination }
      : planTransfer(file.facts(), destination.facts(), supportFacts())
  if (!plan.offload || typeof destination === 'string' || binding === undefined) {
    const reason = plan.offload ? 'addon-unavailable' : plan.reason
    recordFallback(reason, source, object)
    listener.fellBack?.(reason)
    return
  }
  const internals = source as unknown as InternalSource
  const { transfers } = known ?? prepare(source, file)
  const { pipes } = internals._readableState
  for (const before of transfers.keys()) if (!pipes.includes(before as Writable)) transfers.delete(before)
  transfers.set(pipedInto, new FileTransfer(file, destination, binding, listener))
  internals._read = methods.read
}

function prepare(source: ReadStream, file: FileSource): Reads {
  const reads: Reads = { file, transfers: new Map(), latest: undefined, destroy: undefined }
  readsOf.set(source, reads)
  return reads
}
