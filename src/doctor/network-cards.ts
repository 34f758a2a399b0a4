import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { listInterfaces } from './interfaces.js'
import type { Reader } from './reader.js'

/** Encryption on the network card itself, docs.kernel.org/networking/tls-offload.html. */
export interface NetworkCards {
  /** By interface: whether its driver offers `tls-hw-tx-offload`, and whether that is on. Empty where nobody says. */
  transmitOffload: Record<string, 'on' | 'off' | 'unsupported'>
  /** Why it could not be asked. */
  notAsked?: string
  /**
   * Sessions that a card encrypts just now, of all processes of this network namespace (`TlsCurrTxDevice`). Left out where
   * the kernel has no such counter.
   */
  sessionsOnCard?: number
}

const patienceMs = 2000

export async function inspectNetworkCards(read: Reader): Promise<NetworkCards> {
  const interfaces = listInterfaces()
  const names = Object.entries(interfaces ?? {})
    .filter(([, addresses]) => addresses.some(({ internal }) => !internal))
    .map(([name]) => name)
  const answers = await Promise.all(names.map(askEthtool))
  const features = names.flatMap((name, index) => {
    const offload = transmitOffloadOf(answers[index]?.stdout ?? '')
    return offload === undefined ? [] : [[name, offload] as const]
  })
  const notAsked =
    interfaces === undefined
      ? 'the interfaces may not be listed'
      : answers.find((answer) => answer.error !== undefined)?.error
  const sessionsOnCard = tlsCounter(read, 'TlsCurrTxDevice')
  return {
    transmitOffload: Object.fromEntries(features),
    ...(notAsked === undefined ? {} : { notAsked }),
    ...(sessionsOnCard === undefined ? {} : { sessionsOnCard }),
  }
}

/** A counter of the kernel's TLS in this network namespace: docs.kernel.org/networking/tls.html#statistics. */
export function tlsCounter(read: Reader, name: string): number | undefined {
  const found = new RegExp(`^${name}\\s+(\\d+)$`, 'm').exec(read('/proc/net/tls_stat') ?? '')?.[1]
  return found === undefined ? undefined : Number(found)
}

async function askEthtool(name: string): Promise<{ stdout: string; error?: string }> {
  try {
    // Who is not root often has no sbin on his PATH.
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }
    return await promisify(execFile)('ethtool', ['-k', name], { timeout: patienceMs, encoding: 'utf8', env })
  } catch (error) {
    const { code, killed } = error as NodeJS.ErrnoException & { killed?: boolean }
    if (code === 'ENOENT') return { stdout: '', error: 'ethtool is not installed' }
    return { stdout: '', error: `ethtool failed (${killed ? 'it took too long' : code})` }
  }
}

/** @param features as `ethtool -k` prints them */
function transmitOffloadOf(features: string): 'on' | 'off' | 'unsupported' | undefined {
  const [, value, fixed] = /^tls-hw-tx-offload: (on|off)( \[fixed\])?/m.exec(features) ?? []
  if (value === undefined) return undefined
  return value === 'off' && fixed ? 'unsupported' : (value as 'on' | 'off')
}
