import type { TLSSocket } from 'node:tls'

/** As `TLSv1.3 TLS_AES_256_GCM_SHA384`. */
export function describeSession(socket: TLSSocket): string {
  return `${socket.getProtocol()} ${socket.getCipher().standardName}`
}
