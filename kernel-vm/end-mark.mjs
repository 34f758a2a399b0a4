// A guest that is switched off loses what the host has not yet read. So the guest ends each stream by a mark that it
// has been told, and the host waits for that before it ends the machine.

import { Transform } from 'node:stream'

/** Passes on what stands before the mark, as it comes, and ends there. */
export class UntilMark extends Transform {
  #mark
  /** @type {Buffer} what may be the mark's beginning */
  #held = Buffer.alloc(0)
  #reached = false

  /** @param {string} mark */
  constructor(mark) {
    super()
    this.#mark = Buffer.from(mark)
  }

  /**
   * @param {Buffer} chunk
   * @param {BufferEncoding} _encoding
   * @param {import('node:stream').TransformCallback} done
   */
  _transform(chunk, _encoding, done) {
    if (this.#reached) return done()
    const bytes = Buffer.concat([this.#held, chunk])
    const position = bytes.indexOf(this.#mark)
    this.#reached = position >= 0
    const passed = this.#reached ? position : bytes.length - this.#beginningAtEnd(bytes)
    this.#held = bytes.subarray(passed)
    if (passed > 0) this.push(bytes.subarray(0, passed))
    if (this.#reached) this.push(null)
    done()
  }

  /** @param {Buffer} bytes */
  #beginningAtEnd(bytes) {
    let length = Math.min(this.#mark.length - 1, bytes.length)
    while (!bytes.subarray(bytes.length - length).equals(this.#mark.subarray(0, length))) length--
    return length
  }
}
