import type { InternalMessage, InternalSocket } from '../node-internals.js'

/**
 * Ends a connection of node:http(s) as soon as the exchange that is under way on it is over, as `Connection: close`
 * would; at once, if none is. The stream of any other socket is its owner's to end.
 */
export function endAfterExchange(socket: InternalSocket): void {
  const { _httpMessage: message } = socket
  if (message === undefined) return
  if (message === null) return endIdle(socket)
  const internals = message as unknown as InternalMessage
  if ('statusCode' in message) endAfterResponse(socket, internals)
  else endAfterAnswer(socket, internals)
}

function endIdle(socket: InternalSocket): void {
  // Nobody but an http.Agent listens to it, of connections that are the agent's.
  const isPooled = socket.listenerCount('agentRemove') > 0
  // Without a parser or an agent it was upgraded and speaks something else.
  if (isPooled || socket.parser != null) socket.destroySoon()
  if (isPooled) socket.emit('agentRemove')
}

function endAfterResponse(socket: InternalSocket, response: InternalMessage): void {
  if (response.headersSent && response.shouldKeepAlive) {
    // The client was promised that its next request is answered, and may have sent it.
    response.once('finish', () => endAfterExchange(socket))
    return
  }
  response.shouldKeepAlive = false
  response._last = true
}

function endAfterAnswer(socket: InternalSocket, request: InternalMessage): void {
  // Only once it has been sent: at the end of an answer that came early Node ends what is not to be kept alive.
  const lastAnswer = () => {
    request.shouldKeepAlive = false
    if (request._ended) socket.destroySoon()
  }
  if (request.writableFinished) lastAnswer()
  else request.prependOnceListener('finish', lastAnswer)
}

/** A connection of an HTTP server that waits for its next request. */
export function isBetweenExchanges(socket: InternalSocket): boolean {
  return socket._httpMessage === null && socket.parser != null && !socket.writableEnded && socket.writableLength === 0
}

/** A client's connection, on which a request is being sent, or answered. */
export function isRequesting({ _httpMessage: message }: InternalSocket): boolean {
  return message != null && !('statusCode' in message)
}

/** Likewise, and the answer has come to its end. */
export function isAnswered(socket: InternalSocket): boolean {
  return isRequesting(socket) && (socket._httpMessage as unknown as InternalMessage)._ended === true
}
