import { once } from 'node:events'
import { createServer } from 'node:https'

/** An https server on a free port of the loopback interface. */
export function listenSecurely(listener, { credentials }) {
  return listening(createServer(credentials, listener))
}

export async function listening(server) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}
