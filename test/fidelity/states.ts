import type { ReadStream } from 'node:fs'
import type { ServerResponse } from 'node:http'
import type { Duplex, Readable, Writable } from 'node:stream'

/** Names of what is true. */
function flags(values: Record<string, unknown>): string {
  return Object.entries(values)
    .flatMap(([name, value]) =>
      value === true ? [name] : value === false || value == null ? [] : [`${name}=${value}`],
    )
    .join(',')
}

/** Its code, or else its message. */
export function errorOf(stream: Readable | Writable): string | undefined {
  const { errored } = stream
  return errored == null ? undefined : ((errored as NodeJS.ErrnoException).code ?? errored.message)
}

/**
 * `size` is that of all it could read. In the middle of a transfer that somebody stops (`isCut`) it is chance how much
 * was read, and whether it waits for its destination just then; at its end that is chance always.
 */
export function stateOfSource(source: ReadStream, size: number, isCut: boolean): string {
  const { bytesRead } = source
  return flags({
    ...(isCut
      ? {}
      : {
          read: bytesRead === size ? 'all' : bytesRead === 0 ? 'nothing' : 'a part',
          ...(source.readableEnded ? {} : { flowing: String(source.readableFlowing), paused: source.isPaused() }),
          buffered: source.readableLength > 0,
        }),
    didRead: source.readableDidRead,
    ended: source.readableEnded,
    aborted: source.readableAborted,
    destroyed: source.destroyed,
    closed: source.closed,
    pending: source.pending,
    encoding: source.readableEncoding,
    errored: errorOf(source),
  })
}

export function stateOfResponse(response: ServerResponse, isCut: boolean): string {
  return flags({
    ...(isCut ? {} : { finished: response.writableFinished, queued: response.writableLength > 0 }),
    headersSent: response.headersSent,
    ended: response.writableEnded,
    destroyed: response.destroyed,
    errored: errorOf(response as unknown as Writable),
    detached: response.socket === null,
    keepAlive: response.shouldKeepAlive,
    chunked: response.chunkedEncoding,
    corked: response.writableCorked > 0,
  })
}

export function stateOfSocket(socket: Duplex): string {
  return flags({
    ended: socket.writableEnded,
    destroyed: socket.destroyed,
    errored: errorOf(socket),
  })
}

/** Of a socket whose peer goes when it likes: whether a FIN or an RST tells of it, and by which error, is chance. */
export function stateOfLeftSocket({ errored }: Duplex): string {
  return flags({ errored: errored !== null })
}
