import type { OffloadState } from 'ktls-pipe'

/** What the package tells of itself; there is none where plain Node plays. */
export interface Package {
  createZeroCopyPipe(destination: NodeJS.WritableStream): NodeJS.WritableStream
  getOffloadState(of: object): OffloadState
}

/** Loads and installs it, for files of every size or, where it is to fall back, for none. */
export async function loadPackage(fallsBack: boolean): Promise<Package> {
  const { install, createZeroCopyPipe, getOffloadState } = await import('ktls-pipe')
  const engine = fallsBack ? false : { minimumBytes: 0 }
  install({ tls: engine, tcp: engine })
  return { createZeroCopyPipe, getOffloadState } as Package
}
