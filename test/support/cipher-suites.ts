import type { SecureVersion } from 'node:tls'

/** One way to talk TLS that the kernel can take over, and its name in each program. */
export interface CipherSuite {
  version: SecureVersion
  /** What OpenSSL calls it. */
  openssl: string
  /** What GnuTLS calls the cipher. */
  gnutls: string
}

export const cipherSuites: readonly CipherSuite[] = [
  { version: 'TLSv1.2', openssl: 'ECDHE-ECDSA-AES128-GCM-SHA256', gnutls: 'AES-128-GCM' },
  { version: 'TLSv1.2', openssl: 'ECDHE-ECDSA-AES256-GCM-SHA384', gnutls: 'AES-256-GCM' },
  { version: 'TLSv1.2', openssl: 'ECDHE-ECDSA-CHACHA20-POLY1305', gnutls: 'CHACHA20-POLY1305' },
  { version: 'TLSv1.3', openssl: 'TLS_AES_128_GCM_SHA256', gnutls: 'AES-128-GCM' },
  { version: 'TLSv1.3', openssl: 'TLS_AES_256_GCM_SHA384', gnutls: 'AES-256-GCM' },
  { version: 'TLSv1.3', openssl: 'TLS_CHACHA20_POLY1305_SHA256', gnutls: 'CHACHA20-POLY1305' },
]

export function suiteName({ version, openssl }: CipherSuite): string {
  return `${version} ${openssl}`
}

/** Options for tls.createServer and tls.connect that leave no other choice. */
export function onlySuite({ version, openssl }: CipherSuite) {
  return { minVersion: version, maxVersion: version, ciphers: openssl }
}

export function curlArguments({ version, openssl }: CipherSuite): string[] {
  const number = version.slice('TLSv'.length)
  return [`--tlsv${number}`, '--tls-max', number, version === 'TLSv1.3' ? '--tls13-ciphers' : '--ciphers', openssl]
}

/** For a wget that was built with GnuTLS: a priority string. */
export function wgetArguments({ version, gnutls }: CipherSuite): string[] {
  return [`--ciphers=NORMAL:-VERS-ALL:+VERS-${version.replace('TLSv', 'TLS')}:-CIPHER-ALL:+${gnutls}`]
}

/** For openssl s_client. */
export function opensslArguments({ version, openssl }: CipherSuite): string[] {
  return version === 'TLSv1.3' ? ['-tls1_3', '-ciphersuites', openssl] : ['-tls1_2', '-cipher', openssl]
}
