import { once } from 'node:events'
import { createServer } from 'node:https'

/**
 * What most files of apps/ consist of.
 *
 * @param {string[]} packages
 * @param {string} what
 * @param {(context: import('./app.mjs').Context) => import('node:http').RequestListener} listenerOf
 * @returns {import('./app.mjs').App}
 */
export function secureApp(packages, what, listenerOf) {
  return { packages, what, start: (context) => listenSecurely(listenerOf(context), context) }
}

/** An https server on a free port of the loopback interface. */
export function listenSecurely(listener, { credentials }) {
  return listening(createServer(credentials, listener))
}

export async function listening(server) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}
