// Plays cases in a process of its own, with the package or without, and tells its parent what was seen. Started by
// play.ts; what to play comes as the first argument. The package is loaded before anything that it looks into.

import type { Case, Cases } from './case.js'
import { loadPackage } from './package.js'
import type { Part, Performance } from './play.js'

const timeLimitMs = 120_000
const atOnce = 4

const part = JSON.parse(process.argv[2] ?? '') as Part
const loaded = part.withPackage ? await loadPackage(part.mode) : undefined
const { Files } = await import('./files.js')
const { Stage } = await import('./stage.js')
const { groups } = await import('./groups.js')

const cases: Cases = groups[part.group]
const files = new Files(part.seed)
const left = [...part.names]
await Promise.all(Array.from({ length: atOnce }, playOn))
files.remove()
process.disconnect()

async function playOn(): Promise<void> {
  for (let name = left.shift(); name !== undefined; name = left.shift()) {
    process.send?.(await perform(name, cases[name] as Case))
  }
}

async function perform(name: string, { play }: Case): Promise<Performance> {
  const stage = new Stage({ scheme: part.scheme, files, certificate: part.certificate, package: loaded })
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`not over after ${timeLimitMs / 1000} s; seen so far: ${JSON.stringify(stage.record.lines)}`))
    }, timeLimitMs)
  })
  try {
    const seen = await Promise.race([play(stage), late])
    return { name, seen, offload: await stage.offload() }
  } catch (error) {
    return { name, failed: String((error as Error).stack ?? error) }
  } finally {
    clearTimeout(timer)
    await stage.close()
  }
}
