import type { ReadStream } from 'node:fs'
import type { Writable } from 'node:stream'
import { createAttachment } from '../attachment.js'
import type { FallbackReason } from '../fallback-reason.js'
import { loadBinding } from '../native/load.js'
import type { InternalSource, WriteCallback } from '../node-internals.js'
import { recordFallback } from '../observe/fallback.js'
import { currentSettings } from '../options.js'
import { sharedSlot } from '../shared-state.js'
import { type Destination, destinationFor } from './destination.js'
import { bytesLeftAtMost, destroyOrdinarily, FileSource, readOrdinarily } from './file-source.js'
import { FileTransfer } from './file-transfer.js'
import { engineOf } from './socket-destination.js'
import { supportFacts } from './support-facts.js'
import { isTooSmall, planPipe } from './transfer-plan.js'
import type { TransferListener } from './transfer-report.js'

/** What serves the reads of a source. */
interface Reads {
  readonly file: FileSource
  /** One for each thing that the source is piped into now. */
  transfers: readonly FileTransfer[]
  /** The one that was asked last. */
  latest: FileTransfer | undefined
  /** The _destroy that ours was put in front of. */
  destroy: InternalSource['_destroy'] | undefined
}

const readsOf = sharedSlot('offloaded reads', () => createAttachment<Reads>())

// The same two functions for every source: where each has closures of its own, V8 lets the streams grow old before they
// are collected, which costs a server of small files a quarter of its requests.
const methods = sharedSlot('methods of offloaded reads', () => ({
  /** The stream's _read: its Readable wants bytes. */
  read(this: InternalSource, size: number): void {
    const reads = readsOf.get(this)
    if (reads === undefined) return readOrdinarily(this, size)
    const { pipes } = this._readableState
    const transfer = pipes[0] && transferInto(reads, pipes[0])
    if (reads.latest !== transfer) reads.latest?.sourceGone(null)
    reads.latest = transfer
    if (pipes.length === 1 && transfer !== undefined) {
      transfer.read(size)
      if (this._read === methods.read) watchDestroy(this, reads)
      return
    }
    // Several destinations share what is read once.
    for (const pipe of pipes) transferInto(reads, pipe)?.rangeFellBack('source-shared')
    readOrdinarily(this, size)
  },
  destroy(this: InternalSource, error: Error | null, callback: WriteCallback): void {
    const reads = readsOf.get(this)
    reads?.latest?.sourceGone(error)
    Reflect.apply(reads?.destroy ?? destroyOrdinarily, this, [error, callback])
  },
}))

function transferInto({ transfers }: Reads, pipe: object): FileTransfer | undefined {
  // Nearly always there is one.
  return transfers[0]?.pipedInto === pipe ? transfers[0] : transfers.find(({ pipedInto }) => pipedInto === pipe)
}

// Only once something may be on its way: of a small file there is nothing to be told.
function watchDestroy(source: InternalSource, reads: Reads): void {
  if (reads.destroy !== undefined) return
  reads.destroy = source._destroy
  source._destroy = methods.destroy
}

function isKnownToBeTooSmall(source: ReadStream, { socket, bytesAtMost }: Destination): boolean {
  const bytes = Math.min(bytesLeftAtMost(source as unknown as InternalSource), bytesAtMost)
  return isTooSmall(bytes, engineOf(socket), currentSettings())
}

const nobody: TransferListener = {}

/**
 * Prepares a source that is about to be piped into `pipedInto`, whose bytes end up in `object` (the same, unless a
 * zero-copy pipe lies between). Nothing of pipe() is done here: the source only gets a _read of its own, which sends
 * ranges while it can and is core's otherwise, and a _destroy that tells of transfers that were given up.
 */
export function offloadReads(
  source: ReadStream,
  pipedInto: object,
  object: object = pipedInto,
  listener: TransferListener = nobody,
): void {
  const destination = destinationFor(object)
  if (destination === undefined) return
  const decline = (reason: FallbackReason) => {
    recordFallback(reason, source, object)
    listener.fellBack?.(reason)
  }
  if (typeof destination === 'string') return decline(destination)
  if (isKnownToBeTooSmall(source, destination)) return decline('below-minimum-size')
  const known = readsOf.get(source)
  const file = known?.file ?? new FileSource(source, methods.read)
  const { binding } = loadBinding()
  const plan = planPipe(file.facts(), destination.facts(), supportFacts())
  if (!plan.offload) return decline(plan.reason)
  if (binding === undefined) return decline('addon-unavailable')
  const internals = source as unknown as InternalSource
  const transfer = new FileTransfer(file, pipedInto, destination, binding, listener)
  if (known === undefined) {
    readsOf.set(source, { file, transfers: [transfer], latest: undefined, destroy: undefined })
  } else {
    const { pipes } = internals._readableState
    const isCurrent = (before: FileTransfer) =>
      before.pipedInto !== pipedInto && pipes.includes(before.pipedInto as Writable)
    known.transfers = [...known.transfers.filter(isCurrent), transfer]
  }
  internals._read = methods.read
}
