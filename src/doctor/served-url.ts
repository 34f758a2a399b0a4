import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { setTimeout as delay } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { describeSession, exchange } from './exchange.js'
import { isOwnAddress } from './interfaces.js'
import { tlsCounter } from './network-cards.js'
import type { Reader } from './reader.js'

/** What a download from a server on this host, and the kernel's counters meanwhile, say of it. */
export interface ServedUrl extends Partial<Download> {
  url: string
  /** `kernel`: one session was handed to the kernel meanwhile. `userspace`: none was. `none`: it is not https. */
  encryption: 'kernel' | 'userspace' | 'none' | 'unknown'
  /** Why it is unknown. */
  because?: string
  /** By how much `TlsTxSw` and `TlsTxDevice` grew in this network namespace. */
  newKernelSessions?: number
}

interface Download {
  status: number
  /** Of the body. */
  bytes: number
  /** As `TLSv1.3 TLS_AES_256_GCM_SHA384`. */
  session?: string
}

const quietMs = 1000
const patienceMs = 30_000

/**
 * Downloads it once; twice where more than one session was handed over, because a server's first one is preceded by a
 * trial of what the kernel can do. The counters are of the whole network namespace, so nothing is known where other
 * sessions are handed over at the same time, or where the server is elsewhere.
 */
export async function inspectUrl(url: URL, read: Reader): Promise<ServedUrl> {
  const first = await inspectDownload(url, read)
  return (first.newKernelSessions ?? 0) > 1 ? inspectDownload(url, read) : first
}

async function inspectDownload(url: URL, read: Reader): Promise<ServedUrl> {
  const unknown = (because: string, rest: Partial<ServedUrl> = {}): ServedUrl => {
    return { url: url.href, ...rest, encryption: 'unknown', because }
  }
  const long = countSessions(read)
  if (long !== undefined) await delay(quietMs)
  const before = countSessions(read)
  let answer: { download: Download; address: string | undefined }
  try {
    answer = await download(url)
  } catch (error) {
    return unknown((error as Error).message)
  }
  const { download: seen, address } = answer
  if (url.protocol === 'http:') return { url: url.href, ...seen, encryption: 'none' }
  const after = countSessions(read)
  if (!isOwnAddress(address)) return unknown('the server is not on this host', seen)
  if (after === undefined) return { url: url.href, ...seen, encryption: 'userspace', newKernelSessions: 0 }
  const newKernelSessions = after - (before ?? 0)
  const counted = { ...seen, newKernelSessions }
  if (before !== long || newKernelSessions > 1)
    return unknown('other sessions are handed to the kernel as well', counted)
  return { url: url.href, ...counted, encryption: newKernelSessions === 1 ? 'kernel' : 'userspace' }
}

/** Undefined where the kernel has no TLS just now. */
function countSessions(read: Reader): number | undefined {
  const inSoftware = tlsCounter(read, 'TlsTxSw')
  return inSoftware === undefined ? undefined : inSoftware + (tlsCounter(read, 'TlsTxDevice') ?? 0)
}

async function download(url: URL): Promise<{ download: Download; address: string | undefined }> {
  // Whoever serves it is not asked to prove who it is: nothing is sent to it, and nothing of it is kept.
  const options = { agent: false, rejectUnauthorized: false }
  const sent = url.protocol === 'https:' ? https.get(url, options) : http.get(url, options)
  return await exchange(sent, patienceMs, async (response) => {
    const address = response.socket.remoteAddress // gone when the connection is
    const session = sessionOf(response)
    let bytes = 0
    for await (const chunk of response) bytes += (chunk as Buffer).length
    const status = response.statusCode ?? 0
    return { download: { status, bytes, ...(session === undefined ? {} : { session }) }, address }
  })
}

function sessionOf({ socket }: IncomingMessage): string | undefined {
  return 'encrypted' in socket ? describeSession(socket as TLSSocket) : undefined
}
