import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Stats } from 'ktls-pipe'
import type { Test } from 'tap'
import { certificate } from '../support/certificate.js'
import { difference, type StatsDifference } from '../support/kernel.js'
import { projectFile } from '../support/project.js'

/** An app of test/frameworks/apps, as app.mjs has it, with its port. */
export interface StartedApp {
  packages: { name: string; version: string }[]
  what: string
  port: number
  file?: string
  headers?: Record<string, string>
  isConditional?: boolean
  varying?: string[]
}

export interface Player {
  apps: StartedApp[]
  /** Nothing in plain Node. */
  startCounting(): Promise<(() => Promise<StatsDifference>) | undefined>
  stop(): Promise<void>
}

export interface PlayerOptions {
  files: string
  scratch: string
  withPackage: boolean
  /** Whether the package is installed for the whole process; otherwise the apps use its entries. */
  registers?: boolean
}

/** The apps of one file in a process of their own, which ends with the test at the latest. */
export async function startPlayer(t: Test, family: string, options: PlayerOptions): Promise<Player> {
  const { files, scratch, withPackage, registers = withPackage } = options
  const { key, cert } = await certificate()
  const imports = [
    ...(registers ? ['--import', 'ktls-pipe/register'] : []),
    ...(withPackage ? ['--import', projectFile('test/support/stats-reporter.mjs')] : []),
  ]
  const child = spawn(process.execPath, [...imports, projectFile('test/frameworks/player.mjs'), family], {
    cwd: projectFile(), // here the package is found by its own name
    env: { ...process.env, FOLDER: files, SCRATCH: scratch, KEY: key, CERT: cert, NODE_ENV: 'production' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const exited = once(child, 'exit')
  const stop = async () => {
    child.kill()
    await exited
  }
  t.teardown(stop)
  const message = async () => {
    const answer = await Promise.race([once(child, 'message'), exited])
    if (child.exitCode !== null) throw new Error(`the apps of ${family} ended with ${child.exitCode}`)
    return answer[0]
  }
  const readStats = async () => {
    child.send('stats')
    return ((await message()) as { stats: Stats }).stats
  }
  return {
    apps: (await message()) as StartedApp[],
    async startCounting() {
      if (!withPackage) return undefined
      const before = await readStats()
      return async () => difference(before, await readStats())
    },
    stop,
  }
}
