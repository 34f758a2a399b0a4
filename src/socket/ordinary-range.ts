import { read } from 'node:fs'
import { markOfSource, sourceTruncated } from '../errors.js'
import type { WriteCallback } from '../node-internals.js'
import type { FileRange } from './file-range.js'

const chunkBytes = 64 * 1024

/** Where the bytes of a range go when they are read. */
export interface BytesDestination {
  /** Destroyed: nobody waits for bytes any more, and what ended it has been told. */
  isGone(): boolean
  write(bytes: Buffer, callback: WriteCallback): void
}

/**
 * Sends up to `limit` bytes of a range by reading them and writing them like any others, in the range's own place in
 * the socket's order. The file is the range's own duplicate, so the source may be closed meanwhile.
 */
export function sendOrdinarily(
  range: FileRange,
  limit: number,
  destination: BytesDestination,
  callback: WriteCallback,
): void {
  const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, limit))
  let left = Math.min(limit, range.remaining)
  const next = () => {
    if (left === 0 || range.stopped) return callback()
    read(range.file.fd, buffer, 0, Math.min(buffer.length, left), range.offset, (error, bytesRead) => {
      if (destination.isGone() || range.stopped) return callback()
      if (error) return callback(markOfSource(error))
      if (bytesRead === 0) return callback(sourceTruncated(range.remaining))
      destination.write(buffer.subarray(0, bytesRead), (writeFailure) => {
        if (writeFailure) return callback(writeFailure)
        range.offset += bytesRead
        range.remaining -= bytesRead
        range.bytesSent += bytesRead
        left -= bytesRead
        next()
      })
    })
  }
  next()
}
