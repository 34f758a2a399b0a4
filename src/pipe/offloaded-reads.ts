import type { ReadStream } from 'node:fs'
import { loadBinding } from '../native/load.js'
import type { InternalSource } from '../node-internals.js'
import { recordFallback } from '../observe/fallback.js'
import { sharedSlot } from '../shared-state.js'
import { destinationFor } from './destination.js'
import { FileSource } from './file-source.js'
import { FileTransfer, type TransferListener } from './file-transfer.js'
import { supportFacts } from './support-facts.js'
import { planTransfer } from './transfer-plan.js'

/** The transfers of a source by what it is piped into, and the _read of its own that serves them. */
interface Reads {
  transfers: WeakMap<object, FileTransfer>
  /** The one that was asked last. */
  latest: FileTransfer | undefined
  file: FileSource
  ownRead: InternalSource['_read']
}

const readsOf = sharedSlot('offloaded reads', () => new WeakMap<ReadStream, Reads>())

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
  const file = readsOf.get(source)?.file ?? new FileSource(source)
  const destination = destinationFor(object)
  const { binding } = loadBinding()
  const plan =
    typeof destination === 'string'
      ? { offload: false as const, reason: destination }
      : planTransfer(file.facts(readsOf.get(source)?.ownRead), destination.facts(), supportFacts())
  if (!plan.offload || typeof destination === 'string' || binding === undefined) {
    const reason = plan.offload ? 'addon-unavailable' : plan.reason
    recordFallback(reason, source, object)
    listener.fellBack?.(reason)
    return
  }
  readsFor(source, file).transfers.set(pipedInto, new FileTransfer(file, destination, binding, listener))
}

function readsFor(source: ReadStream, file: FileSource): Reads {
  const known = readsOf.get(source)
  if (known !== undefined) return known
  const internals = source as unknown as InternalSource
  const { _destroy: destroy } = internals
  const reads: Reads = {
    transfers: new WeakMap(),
    latest: undefined,
    file,
    ownRead(size) {
      const { pipes } = internals._readableState
      const [transfer, ...others] = pipes.map((pipe) => reads.transfers.get(pipe))
      if (reads.latest !== transfer) reads.latest?.sourceGone(null)
      reads.latest = transfer
      if (others.length === 0 && transfer !== undefined) return transfer.read(size, reads.ownRead)
      // Several destinations share what is read once.
      for (const shared of [transfer, ...others]) shared?.rangeFellBack('source-shared')
      file.readOrdinarily(size)
    },
  }
  readsOf.set(source, reads)
  internals._read = reads.ownRead
  internals._destroy = (error, callback) => {
    reads.latest?.sourceGone(error)
    destroy.call(source, error, callback)
  }
  return reads
}
