// The kernel's own count of TLS sessions whose write direction it took, in software or on a network card. It is per
// network namespace, so other programs count too.

import { readFileSync } from 'node:fs'

/** 0 where the file is missing: the kernel has no TLS, or its module is not loaded yet. */
export function readKernelSessions() {
  try {
    return parseKernelSessions(readFileSync('/proc/net/tls_stat', 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return 0
    throw error
  }
}

function parseKernelSessions(text) {
  const counters = new Map(text.split('\n').map((line) => line.split(/\s+/)))
  return Number(counters.get('TlsTxSw') ?? 0) + Number(counters.get('TlsTxDevice') ?? 0)
}
