import type { InternalMessage, InternalSocket } from '../node-internals.js'

/**
 * Ends a connection of node:http(s) as soon as the exchange that is under way on it is over, as `Connection: close`
 * would; a server's at once, if none is. The stream of any other socket is its owner's to end.
 */
export function endAfterExchange(socket: InternalSocket): void {
  const { _httpMessage: message } = socket
  if (message === undefined) return
  if (message === null) {
    // Without a parser it is a client's that waits in a pool, or one that was upgraded and speaks something else.
    if (socket.parser != null) socket.destroySoon()
    return
  }
  const internals = message as unknown as InternalMessage
  internals.shouldKeepAlive = false
  internals._last = true
}

/** A connection of an HTTP server that waits for its next request. */
export function isBetweenExchanges(socket: InternalSocket): boolean {
  return socket._httpMessage === null && socket.parser != null && !socket.writableEnded && socket.writableLength === 0
}
