import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'

export type Scheme = 'http' | 'https'

export interface Received {
  bytes: Buffer
  /** The connection ended before the body did. */
  aborted: boolean
}

/** A request of Node's own client; `options` may name method, path, headers and agent. */
export async function request(
  scheme: Scheme,
  port: number,
  options: https.RequestOptions = {},
): Promise<http.IncomingMessage> {
  const { request: send } = scheme === 'https' ? https : http
  const outgoing = send({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options })
  outgoing.end()
  const [incoming] = (await once(outgoing, 'response')) as [http.IncomingMessage]
  return incoming
}

/** Reads a body to its end, or as far as it comes. */
export async function receive(incoming: http.IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = []
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
  incoming.on('error', () => {}) // told by `complete`
  await new Promise((resolve) => incoming.once('close', resolve))
  return { bytes: Buffer.concat(chunks), aborted: !incoming.complete }
}

/** An agent that uses one connection for all requests. */
export function oneConnection(scheme: Scheme): http.Agent {
  const { Agent } = scheme === 'https' ? https : http
  return new Agent({ keepAlive: true, maxSockets: 1 })
}
