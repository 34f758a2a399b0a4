import { createHash } from 'node:crypto'
import type http from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { Recorder } from './recorder.js'
import { type Deferred, turns } from './waiting.js'

/** What a case sends behind a file. */
export const tail = 'the tail'

/**
 * More than handshake (5 KiB with a post-quantum key share), head and what goes before the kernel takes over; less than a
 * stream holds that nobody reads.
 */
const beginningBytes = 12_288

/** How a client reads. */
export interface Reader {
  holdsBack: boolean
  record: Recorder
  isReading: Deferred<void>
  mayRead: Deferred<void>
  incoming: Deferred<IncomingMessage>
}

/** What a client of Node's sees of the answer to a request. */
export async function receive(outgoing: http.ClientRequest, reader: Reader, beginning?: Buffer) {
  const interim: string[] = []
  outgoing.on('information', ({ statusCode, headers }) => interim.push(`${statusCode} ${JSON.stringify(headers)}`))
  const failure = await new Promise<Error | IncomingMessage>((resolve) => {
    outgoing.once('response', resolve).once('error', resolve)
  })
  if (failure instanceof Error) {
    reader.isReading.resolve()
    return { failed: (failure as NodeJS.ErrnoException).code, interim }
  }
  const incoming = failure
  reader.incoming.resolve(incoming)
  outgoing.on('error', () => {}) // told by `complete`
  incoming.on('error', () => {})
  const ended = new Promise((resolve) => incoming.once('close', resolve))
  await Promise.race([ended, new Promise((resolve) => incoming.once('readable', resolve))])
  while (reader.holdsBack && !incoming.closed && (incoming.socket?.bytesRead ?? 0) < beginningBytes) await turns(1)
  reader.isReading.resolve()
  await Promise.race([ended, reader.mayRead.promise])
  const chunks: Buffer[] = []
  incoming.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    reader.record.stir()
  })
  incoming.resume()
  await ended
  const { date: _, ...headers } = incoming.headers
  const bytes = Buffer.concat(chunks)
  return {
    interim,
    status: incoming.statusCode,
    headers,
    trailers: incoming.trailers,
    complete: incoming.complete,
    body: describeBody(bytes, beginning),
  }
}

/** `file`: a part of it from its beginning is as good as any other, and may be followed by the tail. */
function describeBody(bytes: Buffer, file?: Buffer): string {
  const hasTail = bytes.subarray(-tail.length).equals(Buffer.from(tail))
  const body = hasTail ? bytes.subarray(0, -tail.length) : bytes
  const isPart = file !== undefined && body.length < file.length && file.subarray(0, body.length).equals(body)
  return isPart ? `a beginning of the file${hasTail ? ', and the tail' : ''}` : describeBytes(bytes)
}

export function describeBytes(bytes: Uint8Array): string {
  return `${bytes.length} bytes ${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`
}
