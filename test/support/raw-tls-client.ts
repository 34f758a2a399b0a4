import { once } from 'node:events'
import net from 'node:net'
import { Duplex } from 'node:stream'
import tls from 'node:tls'

const headerBytes = 5

/** One TLS record as it came over the wire: header and payload. */
export interface WireRecord {
  type: number
  size: number
  /** What follows the header, up to eight bytes: in TLS 1.2 AES-GCM the explicit nonce. */
  start: Buffer
}

/** Tells a slow reader how many milliseconds to rest before it reads on. */
export type Pace = () => number

export interface WireOptions {
  pace?: Pace
  /** A line of the client's key log. */
  onKeyLog?: (line: Buffer) => void
  /** Every record of either side, header included, in the order in which it comes by. */
  onRecord?: (record: Buffer, fromServer: boolean) => void
}

/** The stretch of wire between a TLS client and its server, where records can be counted and bytes be spoilt. */
export class Wire extends Duplex {
  /** What the server sent, in order. */
  readonly records: WireRecord[] = []
  /** Spoils the last byte of the next thing that the client sends. */
  spoilNext = false
  /** What lies below: bytes written there pass the client's OpenSSL by. */
  readonly transport: net.Socket
  readonly #fromServer = new RecordSplitter()
  readonly #fromClient = new RecordSplitter()
  readonly #onRecord: WireOptions['onRecord']
  #resting = false

  constructor(socket: net.Socket, { pace, onRecord }: WireOptions = {}) {
    super({ allowHalfOpen: true })
    this.transport = socket
    this.#onRecord = onRecord
    socket.on('data', (bytes) => {
      this.#countRecords(bytes)
      if (pace !== undefined) this.#rest(pace())
      if (!this.push(bytes)) socket.pause()
    })
    socket.on('end', () => this.push(null))
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.destroy())
  }

  override _read(): void {
    if (!this.#resting) this.transport.resume()
  }

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
    const sent = Buffer.from(chunk)
    if (this.spoilNext) sent.writeUInt8((sent.at(-1) as number) ^ 1, sent.length - 1)
    this.spoilNext = false
    for (const record of this.#fromClient.add(sent)) this.#onRecord?.(record, false)
    this.transport.write(sent, callback)
  }

  override _final(callback: () => void): void {
    this.transport.end(callback)
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.transport.destroy()
    callback(error)
  }

  #rest(milliseconds: number): void {
    this.#resting = true
    this.transport.pause()
    setTimeout(() => {
      this.#resting = false
      this.transport.resume()
    }, milliseconds)
  }

  #countRecords(bytes: Buffer): void {
    for (const record of this.#fromServer.add(bytes)) {
      const start = Buffer.from(record.subarray(headerBytes, headerBytes + 8))
      this.records.push({ type: record.readUInt8(0), size: record.length, start })
      this.#onRecord?.(record, true)
    }
  }
}

// In TLS 1.3 the type of a record is encrypted, and an alert is known by its size: 5 + 2 + 1 + 16 bytes.
export function endsWithCloseNotify({ records }: Wire, version: tls.SecureVersion): boolean {
  const last = records.at(-1)
  return version === 'TLSv1.3' ? last?.type === 23 && last.size === 24 : last?.type === 21
}

/** Cuts a stream into records: RFC 8446, 5.1. */
class RecordSplitter {
  #rest = Buffer.alloc(0)

  /** The records that are whole now. */
  add(bytes: Buffer): Buffer[] {
    const records: Buffer[] = []
    this.#rest = Buffer.concat([this.#rest, bytes])
    for (let size = this.#firstSize(); this.#rest.length >= size; size = this.#firstSize()) {
      records.push(this.#rest.subarray(0, size))
      this.#rest = this.#rest.subarray(size)
    }
    return records
  }

  #firstSize(): number {
    return this.#rest.length < headerBytes ? headerBytes : headerBytes + this.#rest.readUInt16BE(3)
  }
}

export async function connectOverWire(
  port: number,
  options: tls.ConnectionOptions = {},
  wireOptions: WireOptions = {},
) {
  const socket = net.connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const wire = new Wire(socket, wireOptions)
  const client = tls.connect({ socket: wire, rejectUnauthorized: false, servername: 'localhost', ...options })
  if (wireOptions.onKeyLog !== undefined) client.on('keylog', wireOptions.onKeyLog)
  await once(client, 'secureConnect')
  return { wire, client }
}
