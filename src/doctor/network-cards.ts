import { execFile } from 'node:child_process'
import { networkInterfaces } from 'node:os'
import { promisify } from 'node:util'
import type { Reader } from './reader.js'

/** Encryption on the network card itself, docs.kernel.org/networking/tls-offload.html. */
export interface NetworkCards {
  /** By interface: whether its driver offers `tls-hw-tx-offload`, and whether that is on. Empty where nobody says. */
  transmitOffload: Record<string, 'on' | 'off' | 'unsupported'>
  /** Why it could not be asked. */
  notAsked?: string
  /** Sessions that a card encrypts just now, of all processes of this network namespace (`TlsCurrTxDevice`). */
  sessionsOnCard: number
}

const patienceMs = 2000

export async function inspectNetworkCards(read: Reader): Promise<NetworkCards> {
  const names = Object.entries(networkInterfaces())
    .filter(([, addresses]) => addresses?.some(({ internal }) => !internal))
    .map(([name]) => name)
  const answers = await Promise.all(names.map(askEthtool))
  const features = names.flatMap((name, index) => {
    const offload = transmitOffloadOf(answers[index]?.stdout ?? '')
    return offload === undefined ? [] : [[name, offload] as const]
  })
  const notAsked = answers.find((answer) => answer.error !== undefined)?.error
  return {
    transmitOffload: Object.fromEntries(features),
    ...(notAsked === undefined ? {} : { notAsked }),
    sessionsOnCard: tlsCounter(read, 'TlsCurrTxDevice') ?? 0,
  }
}

/** A counter of the kernel's TLS in this network namespace: docs.kernel.org/networking/tls.html#statistics. */
export function tlsCounter(read: Reader, name: string): number | undefined {
  const found = new RegExp(`^${name}\\s+(\\d+)$`, 'm').exec(read('/proc/net/tls_stat') ?? '')?.[1]
  return found === undefined ? undefined : Number(found)
}

async function askEthtool(name: string): Promise<{ stdout: string; error?: string }> {
  try {
    return await promisify(execFile)('ethtool', ['-k', name], { timeout: patienceMs, encoding: 'utf8' })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return { stdout: '', error: code === 'ENOENT' ? 'ethtool is not installed' : `ethtool failed (${code})` }
  }
}

/** @param features as `ethtool -k` prints them */
function transmitOffloadOf(features: string): 'on' | 'off' | 'unsupported' | undefined {
  const [, value, fixed] = /^tls-hw-tx-offload: (on|off)( \[fixed\])?/m.exec(features) ?? []
  if (value === undefined) return undefined
  return value === 'off' && fixed ? 'unsupported' : (value as 'on' | 'off')
}
