// What the command writes to one of its streams. A guest that is switched off loses what the host has not yet read: so
// the guest ends each stream by a mark that it has been told, and the host waits for that before it ends the machine.

import { Transform } from 'node:stream'
import { finished } from 'node:stream/promises'

export class CommandOutput {
  /** @type {Buffer[]} */
  #chunks = []

  /**
   * @param {import('node:net').Socket} source
   * @param {string} endMark
   * @param {NodeJS.WritableStream} [destination]
   */
  constructor(source, endMark, destination) {
    const output = source.pipe(new UntilMark(endMark))
    this.ended = finished(output, { writable: false }) // the guest never ends its side
    this.ended.catch(() => {}) // the machine has failed, and says why
    if (destination) output.pipe(destination, { end: false })
    else output.on('data', (chunk) => this.#chunks.push(chunk))
  }

  text() {
    return Buffer.concat(this.#chunks).toString()
  }
}

/** Passes on what stands before the mark, as it comes, and ends there. */
class UntilMark extends Transform {
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
