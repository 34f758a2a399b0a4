import type { Http2Session } from 'node:http2'
import { loadedModule } from '../node-internals.js'

/** A stream of HTTP/2, or a request or response on top of one. Node's own code frames their bytes. */
export function isHttp2(object: object): boolean {
  const http2 = loadedModule('http2')
  if (http2 === undefined) return false
  if (object instanceof http2.Http2ServerResponse || object instanceof http2.Http2ServerRequest) return true
  // The classes of streams have no public name, and an object may be of no class.
  const name = String((object as { constructor?: { name?: unknown } }).constructor?.name)
  return /^(Server|Client)?Http2Stream$/.test(name)
}

/** Whether the connection below is one of TLS; false also when it is gone. */
export function isEncryptedHttp2(object: object): boolean {
  const { stream = object } = object as { stream?: object }
  return (stream as { session?: Http2Session | undefined }).session?.encrypted === true
}
