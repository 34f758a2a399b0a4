import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import tls from 'node:tls'
import type { Scheme } from '../support/http-client.js'

export interface Connection {
  /** TLS, where that is spoken. */
  socket: net.Socket
  /** Makes all requests on this one connection. */
  agent: http.Agent
  /** It is over. Nobody misses it, however late they ask. */
  closed: Promise<unknown>
  /** Dies: what has arrived is not read, and nothing is said. */
  reset(): void
}

/** Connects, and is gone when `use` has ended. */
export async function withConnection<Result>(
  { scheme, port }: { scheme: Scheme; port: number },
  use: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const tcp = net.connect(port, '127.0.0.1')
  const closed = new Promise((resolve) => tcp.once('close', resolve))
  const socket = scheme === 'http' ? tcp : tls.connect({ socket: tcp, rejectUnauthorized: false })
  const agent = new (scheme === 'http' ? http : https).Agent({ keepAlive: true, maxSockets: 1 })
  agent.createConnection = () => socket
  try {
    await once(socket, scheme === 'http' ? 'connect' : 'secureConnect')
    // A server may end any connection that stalls.
    for (const end of new Set([tcp, socket])) end.on('error', () => {})
    return await use({ socket, agent, closed, reset: () => void tcp.resetAndDestroy() })
  } finally {
    agent.destroy()
    socket.destroy()
    tcp.destroy()
    await closed
  }
}
