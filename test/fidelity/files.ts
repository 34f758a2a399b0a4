import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The content of every file of a run: the same bytes in every way, so that what is seen can be compared. */
export class Files {
  readonly #folder = mkdtempSync(join(tmpdir(), 'ktls-pipe-fidelity-'))
  readonly #pattern: Buffer
  #made = 0

  constructor(seed: string) {
    // Of a length that no block or record divides; and text, so that it survives being decoded.
    const bytes = createHash('shake256', { outputLength: 65_521 }).update(seed).digest()
    this.#pattern = Buffer.from(bytes.toString('hex').slice(0, bytes.length), 'latin1')
  }

  /** What a file of that size holds. */
  content(size: number): Buffer {
    const content = Buffer.alloc(size, this.#pattern)
    for (let position = 0; position + 8 <= size; position += 4096) content.write(String(position), position, 'latin1')
    return content
  }

  /** A fresh file, which the case may change. */
  make(size: number): string {
    const path = join(this.#folder, `${++this.#made}.bin`)
    writeFileSync(path, this.content(size))
    return path
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

export function newSeed(): string {
  return randomBytes(8).toString('hex')
}
