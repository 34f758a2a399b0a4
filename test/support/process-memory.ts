import { closeSync, openSync, readFileSync, readSync } from 'node:fs'

const blockBytes = 16 * 2 ** 20

/** How often something is found, and how often of these in memory that no core dump holds (MADV_DONTDUMP). */
export interface Copies {
  dumped: number
  notDumped: number
}

/** Looks for each pattern in a process's writable memory: proc_pid_smaps(5), proc_pid_mem(5). */
export function findInMemory(pid: number, patterns: readonly Buffer[]): Copies[] {
  const found = patterns.map((): Copies => ({ dumped: 0, notDumped: 0 }))
  const overlap = Math.max(...patterns.map(({ length }) => length)) - 1
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  const block = Buffer.alloc(blockBytes)
  try {
    for (const { begin, end, dumped } of writableRegions(pid)) {
      for (let position = begin; position < end; position += blockBytes - overlap) {
        const wanted = Math.min(blockBytes, end - position)
        const bytes = block.subarray(0, tryRead(memory, block, wanted, position))
        // What begins in the overlap is found in the next block.
        const limit = wanted < blockBytes ? wanted : blockBytes - overlap
        for (const [index, pattern] of patterns.entries()) {
          for (let at = bytes.indexOf(pattern); at >= 0 && at < limit; at = bytes.indexOf(pattern, at + 1)) {
            const copies = found[index] as Copies
            copies[dumped ? 'dumped' : 'notDumped']++
          }
        }
        if (wanted < blockBytes) break
      }
    }
  } finally {
    block.fill(0)
    closeSync(memory)
  }
  return found
}

function writableRegions(pid: number) {
  const regions: { begin: number; end: number; dumped: boolean }[] = []
  const maps = readFileSync(`/proc/${pid}/smaps`, 'latin1').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
  for (const text of maps) {
    const [, begin, end] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(text) ?? []
    if (begin === undefined || end === undefined) continue
    const dumped = !/^VmFlags:.* dd( |$)/m.test(text)
    regions.push({ begin: Number.parseInt(begin, 16), end: Number.parseInt(end, 16), dumped })
  }
  return regions
}

// Guard pages within a region are not there to be read.
function tryRead(memory: number, block: Buffer, length: number, position: number): number {
  try {
    return readSync(memory, block, 0, length, position)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EIO') return 0
    throw error
  }
}
