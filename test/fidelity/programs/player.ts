// Runs random programs that its parent sends, with the package or without, and answers with what was seen. The package
// is loaded before anything that it looks into.

import type { Scheme } from '../../support/http-client.js'
import { ownKernel } from '../../support/network-buffers.js'
import { limitRanges, sendAtOnce } from '../../support/slots.js'
import { loadPackage } from '../package.js'
import type { Mode } from '../ways.js'
import type { Program } from './program.js'
import type { Run } from './run.js'

/** What a player is asked for, as its first argument. */
export interface PlayerOptions {
  scheme: Scheme
  withPackage: boolean
  mode: Mode
  rangeBytes: number
  seed: string
  certificate: { key: string; cert: string }
}

export type Answer = { run: Run } | { failed: string }

/** Plain Node does not end all of them, either (Node 22, pipelined); an emulated machine takes its time. */
const timeLimitMs = ownKernel ? 60_000 : 10_000
const notOver: Run = { isOver: false, seen: 'not over', tally: { files: 0, offloaded: 0, switched: 0 } }

const options = JSON.parse(process.argv[2] ?? '') as PlayerOptions
const loaded = options.withPackage ? await loadPackage(options.mode) : undefined
if (loaded !== undefined) limitRanges(options.rangeBytes)
const { Files } = await import('../files.js')
const { Stage } = await import('../stage.js')
const { run } = await import('./run.js')

process.on('message', async (program) => process.send?.(await play(program as Program)))
process.send?.('ready')

async function play(program: Program): Promise<Answer> {
  const files = new Files(options.seed)
  const stage = new Stage({ scheme: options.scheme, files, certificate: options.certificate, package: loaded })
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Run>((resolve) => {
    timer = setTimeout(resolve, timeLimitMs, notOver)
  })
  try {
    if (loaded !== undefined) sendAtOnce(program.atOnce)
    return { run: await Promise.race([run(program, stage), late]) }
  } catch (error) {
    return { failed: String((error as Error).stack ?? error) }
  } finally {
    clearTimeout(timer)
    await stage.close()
    files.remove()
  }
}
