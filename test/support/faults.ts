import { closeSync, existsSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { projectFile } from './project.js'

const numberBytes = 4
const nameBytes = 64
const written = { row: 0, skip: 1, times: 2, withoutSendfile: 3, rows: 4, calls: 5, met: 6, isHarmless: 7, name: 8 }

export interface ArmedFault {
  /** Of the fault table. */
  row: number
  /** So many calls are let through first. */
  skip: number
  /** So many calls meet it then. */
  times: number
  /** sendfile(2) is not to be had for the file: it is read instead. */
  withoutSendfile?: boolean
}

export interface MetFault {
  name: string
  /** So many calls, since it was armed. */
  met: number
  /** Met once, it keeps nothing from completing. */
  isHarmless: boolean
}

/** Steers native/test/fault_shim.cc in another process, by a file that both have in their memory. */
export class FaultControl {
  /** As `times`. */
  static readonly forEver = -1
  readonly #file: number

  /** What the process needs to be started with. */
  readonly env: NodeJS.ProcessEnv

  constructor(t: Test) {
    const shim = projectFile('native/test/build/plain/fault-shim.so')
    if (!existsSync(shim)) throw new Error(`${shim} is missing: make -C native/test shim`)
    const folder = mkdtempSync(join(tmpdir(), 'ktls-pipe-faults-'))
    const path = join(folder, 'control')
    writeFileSync(path, Buffer.alloc(written.name * numberBytes + nameBytes))
    this.#file = openSync(path, 'r+')
    this.disarm()
    this.env = { LD_PRELOAD: shim, KTLS_PIPE_FAULTS: path }
    t.teardown(() => {
      closeSync(this.#file)
      rmSync(folder, { recursive: true })
    })
  }

  /** Of the table; 0 before the process has begun. */
  get rows(): number {
    return this.#read().readInt32LE(written.rows * numberBytes)
  }

  arm({ row, skip, times, withoutSendfile = false }: ArmedFault): void {
    this.disarm()
    const zeros = Buffer.alloc((written.name - written.calls) * numberBytes + nameBytes)
    writeSync(this.#file, zeros, 0, zeros.length, written.calls * numberBytes)
    this.#write(written.skip, [skip, times, withoutSendfile ? 1 : 0])
    this.#write(written.row, [row])
  }

  disarm(): void {
    this.#write(written.row, [-1, 0, 0, 0])
  }

  get met(): MetFault {
    const bytes = this.#read()
    const name = bytes.subarray(written.name * numberBytes)
    return {
      name: name.subarray(0, name.indexOf(0)).toString(),
      met: bytes.readInt32LE(written.met * numberBytes),
      isHarmless: bytes.readInt32LE(written.isHarmless * numberBytes) === 1,
    }
  }

  #read(): Buffer {
    const bytes = Buffer.alloc(written.name * numberBytes + nameBytes)
    readSync(this.#file, bytes, 0, bytes.length, 0)
    return bytes
  }

  #write(first: number, numbers: number[]): void {
    const bytes = Buffer.alloc(numbers.length * numberBytes)
    for (const [index, number] of numbers.entries()) bytes.writeInt32LE(number, index * numberBytes)
    writeSync(this.#file, bytes, 0, bytes.length, first * numberBytes)
  }
}
