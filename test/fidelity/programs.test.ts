// Random programs: files and words on a connection, and what applications do to a source while it is piped. With the
// package they see, and their clients get, what they do in a process without it. A difference is shrunk to a small
// program, which belongs into the cases beside this file.

import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { certificate } from '../support/certificate.js'
import { limitNetworkBuffers, ownKernel } from '../support/network-buffers.js'
import { timeLimitMs } from '../support/time-limit.js'
import { newSeed } from './files.js'
import { type Program, program, rangeBytes } from './programs/program.js'
import { ProgramPlayer } from './programs/program-player.js'
import type { Tally } from './programs/run.js'
import { type Way, ways } from './ways.js'

const numRuns = Number(process.env.KTLS_PIPE_PROGRAMS || (ownKernel ? 40 : 300))
const seed = Number(process.env.KTLS_PIPE_PROGRAMS_SEED || Math.floor(Math.random() * 2 ** 31))

t.setTimeout(Math.max(timeLimitMs, numRuns * 1000))
limitNetworkBuffers(t, {
  receive: { smallest: 4096, usual: 16_384, largest: 65_536 },
  send: { smallest: 4096, usual: 16_384, largest: 65_536 },
})

for (const way of ways) t.test(way.name, (t) => compare(t, way))

async function compare(t: Test, { scheme, mode }: Way): Promise<void> {
  const common = { scheme, rangeBytes, seed: newSeed(), certificate: await certificate() }
  const plain = await ProgramPlayer.start(t, import.meta.url, { ...common, withPackage: false, mode })
  const own = await ProgramPlayer.start(t, import.meta.url, { ...common, withPackage: true, mode })
  const total: Tally & { programs: number } = { programs: 0, files: 0, offloaded: 0, switched: 0 }
  let offloading = 0
  let switching = 0
  let unfinished = 0
  const same = async (tried: Program) => {
    const [wanted, seen] = await Promise.all([plain.play(tried), own.play(tried)])
    const { files, offloaded, switched } = seen.tally
    total.programs++
    total.files += files
    total.offloaded += offloaded
    total.switched += switched
    if (offloaded > 0) offloading++
    if (switched > 0) switching++
    if (!wanted.isOver) unfinished++
    deepStrictEqual(seen.seen, wanted.seen)
  }
  t.comment(`seed ${seed}`) // told before anything can hang
  try {
    await fc.assert(fc.asyncProperty(program, same), { numRuns, seed })
    t.pass(`${numRuns} programs see the same`)
  } catch (error) {
    t.fail((error as Error).message)
  }
  t.comment(
    `${total.programs} programs, ${offloading} offloaded a range, ${switching} switched in the middle of a file, ` +
      `${unfinished} did not end in time; ` +
      `${total.files} files, ${total.offloaded} offloaded, ${total.switched} switched`,
  )
  // Of what is not over nobody knows how it would have gone on.
  t.ok(unfinished <= total.programs / 10, 'nine of ten programs come to their end', { unfinished })
  if (mode !== 'offloading') t.equal(total.offloaded, 0, 'nothing is offloaded')
  else t.ok(offloading > 0, 'programs offload', { offloading })
  if (mode === 'offloading' && numRuns >= 100) {
    t.ok(offloading >= total.programs / 2, 'half of the programs offload', { offloading })
    // Of all programs two in seven do; of those that were drawn, three standard deviations fewer may.
    const chance = 3 * Math.sqrt((total.programs * 3) / 16)
    t.ok(switching >= total.programs / 4 - chance, 'a quarter of them switch in the middle of a file', { switching })
  }
}
