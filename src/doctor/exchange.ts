import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'

/**
 * Has `read` read the response to a request. Rejects with what ended it, before the response or in its middle, and when
 * nothing comes for `patienceMs`.
 */
export async function exchange<Result>(
  sent: ClientRequest,
  patienceMs: number,
  read: (response: IncomingMessage) => Promise<Result>,
): Promise<Result> {
  let failure: Error | undefined
  sent.on('error', (error) => {
    failure ??= error
  })
  sent.setTimeout(patienceMs, () => {
    failure ??= new Error(`nothing came for ${patienceMs / 1000} seconds`)
    sent.destroy(failure)
  })
  try {
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    return await read(response)
  } catch (error) {
    throw failure ?? error
  }
}

/** As `TLSv1.3 TLS_AES_256_GCM_SHA384`. */
export function describeSession(socket: TLSSocket): string {
  return `${socket.getProtocol()} ${socket.getCipher().standardName}`
}
