import { existsSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import type { SecureVersion } from 'node:tls'
import { type FallbackReason, getStats, inspectSupport, type Stats, type SupportReport } from 'ktls-pipe'
import type { Test } from 'tap'
import type { Scheme } from './http-client.js'

/** Set where a kernel with TLS is promised: then its absence is a failure, never a skip. */
export const kernelTlsExpected = process.env.KTLS_PIPE_EXPECTED === '1'

const support = await findOut()

/** Whether kernel TLS works here, found out by doing it. */
export const kernelTls = support.available

/** Whether this kernel takes new keys for a TLS 1.3 session (Linux 6.14), likewise. */
export const kernelTakesNewKeys = support.rekey

/** Options of a test that means nothing without kernel TLS. */
export const onlyWithKernelTls: { skip?: string } = kernelTls
  ? {}
  : { skip: 'kernel-tls-unavailable: this kernel has no TLS' }

async function findOut(): Promise<SupportReport['kernelTls']> {
  const { kernelTls, reason } = await inspectSupport()
  if (kernelTlsExpected) expectKernelTls(kernelTls, reason)
  return kernelTls
}

// Tests go by what was found out, so that has to be right.
function expectKernelTls({ available, rekey }: SupportReport['kernelTls'], reason: string | undefined): void {
  if (!available) throw new Error(`KTLS_PIPE_EXPECTED=1, but kernel TLS does not work here: ${reason}`)
  const [major = 0, minor = 0] = release().split('.').map(Number)
  const hasRekey = major > 6 || (major === 6 && minor >= 14)
  if (rekey !== hasRekey) throw new Error(`Linux ${release()} was found to take ${rekey ? '' : 'no '}new keys.`)
}

/** Why a session's file takes the ordinary way. That the kernel has no TLS comes before what speaks against the session. */
export function reasonOfSession(reason: FallbackReason): FallbackReason {
  return kernelTls ? reason : 'kernel-tls-unavailable'
}

/** How many sockets of this network namespace were ever given to kernel TLS for sending. */
export function tlsTxSw(): number {
  return tlsStat('TlsTxSw')
}

/** What a new process that hands so many sessions over adds to that; before its first of TLS 1.3 it tries whether the kernel takes new keys. */
export function sessionsCounted(version: SecureVersion, handedOver: number): number {
  if (!kernelTls) return 0
  return handedOver + (version === 'TLSv1.3' ? 1 : 0)
}

/** A counter of the kernel's (Documentation/networking/tls.rst); 0 where it has none of that name. */
export function tlsStat(name: string): number {
  const path = '/proc/net/tls_stat'
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  return Number(new RegExp(`^${name}\\s+(\\d+)$`, 'm').exec(text)?.[1] ?? 0)
}

export type StatsDifference = Pick<Stats, 'sessions' | 'transfers' | 'bytes' | 'fallbacks'>

/** What was counted since; tests share their process's counters. */
export function startCounting(): () => StatsDifference {
  const before = getStats()
  return () => difference(before, getStats())
}

export function difference(before: Stats, after: Stats): StatsDifference {
  const { active } = after.transfers
  return {
    sessions: subtract(before.sessions, after.sessions),
    transfers: { ...subtract(before.transfers, after.transfers), active },
    bytes: subtract(before.bytes, after.bytes),
    fallbacks: subtract(before.fallbacks, after.fallbacks),
  }
}

type Counts = Record<string, number>

function subtract<T extends object>(before: T, after: T): T {
  const earlier = before as Counts
  const entries = Object.entries(after as Counts).map(([name, count]) => [name, count - (earlier[name] ?? 0)] as const)
  return Object.fromEntries(entries.filter(([name, count]) => count !== 0 || name in earlier)) as T
}

/** That many files went over TLS: all through the kernel, or all the ordinary way where the kernel has no TLS. */
export function expectTlsTransfers(t: Test, counted: StatsDifference, count: number, what: string): void {
  const { transfers, fallbacks } = counted
  if (kernelTls) {
    t.equal(transfers.tls, count, `${what}: ${count} transfers through kernel TLS`)
    t.same(positive(fallbacks), {}, `${what}: no fallback`)
  } else {
    t.equal(transfers.tls, 0, `${what}: nothing offloaded`)
    t.same(positive(fallbacks), { 'kernel-tls-unavailable': count }, `${what}: ${count} fallbacks, with their reason`)
  }
}

/** That many files were offloaded, where the scheme can be. */
export function expectOffloaded(t: Test, scheme: Scheme, { transfers }: StatsDifference, count: number): void {
  const possible = scheme === 'http' || kernelTls
  t.equal(scheme === 'http' ? transfers.tcp : transfers.tls, possible ? count : 0, `${count} offloaded`)
}

/** Those that grew. */
export function positive(fallbacks: Stats['fallbacks']): Stats['fallbacks'] {
  return Object.fromEntries(Object.entries(fallbacks).filter(([, count]) => count > 0))
}
