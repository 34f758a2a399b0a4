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
