import type { OffloadState } from 'ktls-pipe'
import { tryEachSession } from '../support/slots.js'
import type { Mode } from './ways.js'

/** What the package tells of itself; there is none where plain Node plays. */
export interface Package {
  createZeroCopyPipe(destination: NodeJS.WritableStream): NodeJS.WritableStream
  getOffloadState(of: object): OffloadState
}

/** Loads and installs it, for files of every size or, where it is to fall back, for none. */
export async function loadPackage(mode: Mode): Promise<Package> {
  const { install, createZeroCopyPipe, getOffloadState } = await import('ktls-pipe')
  const engine = mode === 'falling back' ? false : { minimumBytes: 0 }
  install({ tls: engine, tcp: engine })
  if (mode === 'refused') tryEachSession()
  return { createZeroCopyPipe, getOffloadState } as Package
}
