import type { Test } from 'tap'
import { certificate } from '../support/certificate.js'
import type { Scheme } from '../support/http-client.js'
import type { Cases, Expectation } from './case.js'
import { newSeed } from './files.js'
import { type Group, groups } from './groups.js'
import { startPlayer } from './player-process.js'
import type { Offload } from './stage.js'
import { type Mode, ways } from './ways.js'

/** What a player is asked for. */
export interface Part {
  group: Group
  scheme: Scheme
  withPackage: boolean
  /** With the package. */
  mode: Mode
  names: string[]
  /** Of the files' content. */
  seed: string
  certificate: { key: string; cert: string }
}

/** What a player answers, of each case. */
export interface Performance {
  name: string
  seen?: unknown
  /** Why it could not be played to its end. */
  failed?: string
  offload?: Offload
}

/**
 * Plays a group of cases by plain Node, in a process where the package is not loaded, and with it: what a program can
 * see must be the same.
 */
export async function compareWays(t: Test, testUrl: string, group: Group): Promise<void> {
  const cases: Cases = groups[group]
  const names = Object.keys(cases)
  const common = { group, names, seed: newSeed(), certificate: await certificate() }
  const plain = new Map<Scheme, Promise<Map<string, Performance>>>()
  for (const { name, scheme, mode } of ways) {
    const play = (withPackage: boolean) => perform(testUrl, { ...common, scheme, withPackage, mode })
    if (!plain.has(scheme)) plain.set(scheme, play(false))
    const [expected, seen] = await Promise.all([plain.get(scheme) as Promise<Map<string, Performance>>, play(true)])
    await t.test(name, async (t) => {
      let sessionsRefused = 0
      for (const name of names) {
        await t.test(name, async (t) => {
          const { seen: wanted } = played(expected.get(name), 'plain Node')
          const own = played(seen.get(name), 'the package')
          t.strictSame(own.seen, wanted, 'as by plain Node')
          const offload = own.offload as Offload
          if (mode === 'offloading') expectOffload(t, cases[name]?.expect ?? 'offloaded', offload)
          else t.equal(offload.bytesOffloaded, 0, 'nothing is offloaded')
          sessionsRefused = Math.max(sessionsRefused, offload.sessionsRefused)
        })
      }
      if (mode === 'refused') t.ok(sessionsRefused > 0, 'sessions were tried')
    })
  }
}

function played(performance: Performance | undefined, by: string): Performance {
  if (performance?.seen === undefined) throw new Error(`${by}: ${performance?.failed ?? 'not played'}`)
  return performance
}

async function perform(testUrl: string, part: Part): Promise<Map<string, Performance>> {
  const { child, ended } = startPlayer(testUrl, './player', part)
  const performances = new Map<string, Performance>()
  child.on('message', (message) => {
    const performance = message as Performance
    performances.set(performance.name, performance)
  })
  const { code, description } = await ended
  if (code !== 0) {
    for (const name of part.names) {
      if (!performances.has(name)) performances.set(name, { name, failed: description })
    }
  }
  return performances
}

function expectOffload(t: Test, expected: Expectation, offload: Offload): void {
  const { hasBegun, bytesOffloaded, reasons } = offload
  if (expected === 'if at all') return
  if (expected === 'either') {
    t.ok(hasBegun || reasons.length > 0, 'it was looked at', offload)
  } else if (expected === 'offloaded') {
    t.ok(bytesOffloaded > 0, 'it was offloaded')
    t.same(reasons, [], 'nothing of it fell back')
  } else if (expected === 'cut') {
    t.ok(hasBegun, 'it was offloaded')
    t.ok(
      reasons.every((reason) => reason === 'destination-unavailable'),
      'until it was cut',
    )
  } else if (expected === 'nothing') {
    t.equal(bytesOffloaded, 0, 'nothing is offloaded')
  } else if ('partly' in expected) {
    t.ok(bytesOffloaded > 0, 'a part of it was offloaded')
    t.same(reasons, [expected.partly], 'and why not the rest')
  } else {
    t.equal(bytesOffloaded, 0, 'it was not offloaded')
    t.same(reasons, [expected.declined], 'and why')
  }
}
