import type { Readable } from 'node:stream'
import { Writable } from 'node:stream'

/** Keeps what is written to it. */
export class Collector extends Writable {
  readonly #chunks: Buffer[] = []

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    this.#chunks.push(chunk)
    callback()
  }
}

/** Keeps what a 'data' listener gets. */
export function collectData(source: Readable): { bytes: () => Buffer } {
  const chunks: Buffer[] = []
  source.on('data', (chunk: Buffer) => chunks.push(chunk))
  return { bytes: () => Buffer.concat(chunks) }
}
