import { explainFallback } from '../fallback-reason.js'
import type { CipherSupport, SupportReport } from './support.js'

/** One requirement: whether it is met, what was found, and what to do if it is not. */
export interface Finding {
  requirement: string
  ok: boolean
  found: string
  fix?: string
}

/** Turns what was found out into one finding a requirement, in the order in which they depend on each other. */
export function diagnose(report: SupportReport): Finding[] {
  const findings = [platform(report), runtime(report), addon(report), ...kernelTls(report), fips(report)]
  return [...findings, ...environment(report)]
}

/** Kernel TLS works, and nothing is switched off. */
export function isHealthy(report: SupportReport): boolean {
  return report.reason === undefined
}

/** One line a finding, and one line a fix. */
export function formatFindings(findings: readonly Finding[], report: SupportReport): string {
  const lines = findings.flatMap(({ requirement, ok, found, fix }) => [
    `${ok ? 'ok  ' : 'FAIL'} ${requirement}: ${found}`,
    ...(fix === undefined ? [] : [`     fix: ${fix}`]),
  ])
  const verdict =
    report.reason === undefined
      ? 'Kernel TLS works: files are encrypted by the kernel.'
      : `Kernel TLS is not used (${report.reason}): ${explainFallback(report.reason)}. Node's ordinary path is used.`
  return [...lines, verdict].join('\n')
}

function platform({ platform, architecture, kernel, reason }: SupportReport): Finding {
  const found = `${platform} ${architecture}, kernel ${kernel}`
  if (platform !== 'linux') return fail('operating system', found, 'kernel TLS exists on Linux only')
  if (reason === 'kernel-too-old') return fail('operating system', found, 'use Linux 5.4 or newer')
  return pass('operating system', found)
}

function runtime({ node, openssl, reason, addon }: SupportReport): Finding {
  const found = `Node ${node}, OpenSSL ${openssl}`
  if (reason !== 'runtime-unsupported') return pass('runtime', found)
  return fail('runtime', `${found} ${addon.error ?? ''}`.trim(), 'run it with Node.js 20.19 or newer and OpenSSL 3')
}

function addon({ addon, reason }: SupportReport): Finding {
  if (addon.loaded) return pass('addon', 'loaded')
  const found = addon.error ?? `not loaded (${reason})`
  switch (reason) {
    case 'disabled':
      return fail('addon', found, 'unset KTLS_PIPE_DISABLE')
    case 'addons-disabled':
      return fail('addon', found, 'start node without --no-addons; with --permission, add --allow-addons')
    case 'addon-unavailable':
      return fail('addon', found, 'build it: npm explore ktls-pipe -- npm run build:native')
    default:
      return fail('addon', found, 'see the line above')
  }
}

function kernelTls({ addon, kernelTls }: SupportReport): Finding[] {
  if (!addon.loaded) return [fail('kernel TLS', 'not tested, for want of the addon', 'see the line above')]
  const { ciphers, available, rekey } = kernelTls
  const summary = available
    ? pass('kernel TLS', 'the kernel encrypts')
    : fail('kernel TLS', errorsOf(ciphers), fixFor(ciphers))
  const refused = available ? ciphers.filter((cipher) => !cipher.available) : []
  return [
    summary,
    ...refused.map(({ version, cipher, error }) =>
      fail(`${version} ${cipher}`, `refused with ${error}`, `modprobe ${moduleOf(cipher)}`),
    ),
    ...(available ? [pass('rekey', rekey ? 'offered by this kernel' : 'not offered by this kernel (Linux 6.14)')] : []),
  ]
}

function fips({ fips }: SupportReport): Finding {
  if (!fips) return pass('FIPS mode', 'off')
  return fail('FIPS mode', 'on', 'none: encryption in the kernel is outside the validated module')
}

function environment({ addon, environment, reason }: SupportReport): Finding[] {
  const tlsIsOff = reason === 'disabled' && addon.loaded // with KTLS_PIPE_DISABLE it is not even loaded
  return [
    ...(tlsIsOff ? [fail('environment KTLS_PIPE_TLS', 'files over TLS are not offloaded', 'unset it')] : []),
    ...environment.malformed.map(({ name, value, expected }) =>
      fail(`environment ${name}`, `'${value}' is ignored`, `set it to ${expected}`),
    ),
  ]
}

function errorsOf(ciphers: readonly CipherSupport[]): string {
  return [...new Set(ciphers.map(({ error }) => error))].join(', ')
}

function fixFor(ciphers: readonly CipherSupport[]): string {
  if (ciphers.some(({ error }) => error === 'ENOENT')) {
    return 'modprobe tls (as root, on the host if this is a container); to keep it: echo tls > /etc/modules-load.d/tls.conf'
  }
  return 'use a kernel that is built with CONFIG_TLS (grep CONFIG_TLS /boot/config-$(uname -r))'
}

function moduleOf(cipher: string): string {
  return cipher.startsWith('CHACHA20') ? 'chacha20poly1305' : 'gcm'
}

function pass(requirement: string, found: string): Finding {
  return { requirement, ok: true, found }
}

function fail(requirement: string, found: string, fix: string): Finding {
  return { requirement, ok: false, found, fix }
}
