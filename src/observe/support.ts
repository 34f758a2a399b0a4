import { getFips } from 'node:crypto'
import { release } from 'node:os'
import { getSystemErrorName } from 'node:util'
import type { FallbackReason } from '../fallback-reason.js'
import type { NativeBinding } from '../native/binding.js'
import { loadBinding } from '../native/load.js'
import { type MalformedVariable, readEnvironment } from '../options.js'

export type TlsVersionName = 'TLSv1.2' | 'TLSv1.3'
export type CipherName = 'AES-128-GCM' | 'AES-256-GCM' | 'CHACHA20-POLY1305'

/** What the kernel answered when it was given keys on a loopback connection. */
export interface CipherSupport {
  version: TlsVersionName
  cipher: CipherName
  available: boolean
  /** Name of the errno it refused with, such as 'ENOENT'. */
  error?: string
}

export interface SupportReport {
  /** What a new https connection would meet first; undefined when kernel TLS works. */
  reason: FallbackReason | undefined
  platform: NodeJS.Platform
  architecture: string
  kernel: string
  node: string
  openssl: string
  addon: { loaded: boolean; error?: string }
  kernelTls: { available: boolean; ciphers: CipherSupport[]; rekey: boolean }
  fips: boolean
  environment: { disabled: boolean; malformed: MalformedVariable[] }
}

// Values of TlsVersion and Cipher in native/kernel/kernel_tls.h.
const versions: readonly (readonly [TlsVersionName, number])[] = [
  ['TLSv1.2', 0x0303],
  ['TLSv1.3', 0x0304],
]
const ciphers: readonly (readonly [CipherName, number])[] = [
  ['AES-128-GCM', 51],
  ['AES-256-GCM', 52],
  ['CHACHA20-POLY1305', 54],
]

/** Finds out what works here, by doing it: one loopback connection per TLS version and cipher. */
export async function inspectSupport(): Promise<SupportReport> {
  const loaded = loadBinding()
  const { settings, malformed } = readEnvironment(process.env)
  const fips = getFips() === 1
  const tested = loaded.binding === undefined ? [] : await testCiphers(loaded.binding)
  const available = tested.some((cipher) => cipher.available)
  const rekey = loaded.binding !== undefined && available && (await loaded.binding.probeRekey()) === 0
  const cause = loaded.binding === undefined ? loaded.cause?.message : undefined
  return {
    reason: firstObstacle(
      loaded.binding === undefined ? loaded.reason : undefined,
      settings.disabled || settings.minimumBytes.tls === false,
      fips,
      available,
    ),
    platform: process.platform,
    architecture: process.arch,
    kernel: release(),
    node: process.version,
    openssl: process.versions.openssl,
    addon: { loaded: loaded.binding !== undefined, ...(cause === undefined ? {} : { error: cause }) },
    kernelTls: { available, ciphers: tested, rekey },
    fips,
    environment: { disabled: settings.disabled, malformed },
  }
}

function firstObstacle(
  unsupported: FallbackReason | undefined,
  disabled: boolean,
  fips: boolean,
  kernelTls: boolean,
): FallbackReason | undefined {
  if (disabled) return 'disabled'
  if (unsupported !== undefined) return unsupported
  if (fips) return 'fips-mode'
  return kernelTls ? undefined : 'kernel-tls-unavailable'
}

async function testCiphers(binding: NativeBinding): Promise<CipherSupport[]> {
  const results: CipherSupport[] = []
  for (const [version, versionNumber] of versions) {
    for (const [cipher, cipherNumber] of ciphers) {
      const answer = await binding.probeTls(versionNumber, cipherNumber)
      const available = answer === 0
      results.push({ version, cipher, available, ...(available ? {} : { error: getSystemErrorName(answer) }) })
    }
  }
  return results
}
