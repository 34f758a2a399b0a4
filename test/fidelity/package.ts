import { subscribe } from 'node:diagnostics_channel'
import type { OffloadState, TransferEvent } from 'ktls-pipe'
import { tryEachSession } from '../support/slots.js'
import type { Mode } from './ways.js'

/** What the package tells of itself; there is none where plain Node plays. */
export interface Package {
  createZeroCopyPipe(destination: NodeJS.WritableStream): NodeJS.WritableStream
  getOffloadState(of: object): OffloadState
  /** The kernel was given a range for this destination, whatever became of that. */
  hasBegun(destination: object): boolean
  /** Of the process. */
  sessionsRefused(): number
}

/** Loads and installs it, for files of every size or, where it is to fall back, for none. */
export async function loadPackage(mode: Mode): Promise<Package> {
  const { install, createZeroCopyPipe, getOffloadState, getStats } = await import('ktls-pipe')
  const engine = mode === 'falling back' ? false : { minimumBytes: 0 }
  install({ tls: engine, tcp: engine })
  if (mode === 'refused') tryEachSession()
  const begun = new WeakSet<object>()
  subscribe('tracing:ktls-pipe:transfer:start', (message) => begun.add((message as TransferEvent).destination))
  const ofPackage: Pick<Package, 'hasBegun' | 'sessionsRefused'> = {
    hasBegun: (destination) => begun.has(destination),
    sessionsRefused: () => getStats().sessions.refused,
  }
  return { createZeroCopyPipe, getOffloadState, ...ofPackage } as Package
}
