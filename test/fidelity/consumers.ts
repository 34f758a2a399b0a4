import type { Readable } from 'node:stream'

/** Keeps what a 'data' listener gets. */
export function collectData(source: Readable): { bytes: () => Buffer } {
  const chunks: Buffer[] = []
  source.on('data', (chunk: Buffer) => chunks.push(chunk))
  return { bytes: () => Buffer.concat(chunks) }
}
