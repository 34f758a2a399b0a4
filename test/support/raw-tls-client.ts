import { once } from 'node:events'
import net from 'node:net'
import { Duplex } from 'node:stream'
import tls from 'node:tls'

/** One TLS record as it came over the wire: header and payload. */
export interface WireRecord {
  type: number
  size: number
  /** What follows the header, up to eight bytes: in TLS 1.2 AES-GCM the explicit nonce. */
  start: Buffer
}

/** Tells a slow reader how many milliseconds to rest before it reads on. */
export type Pace = () => number

/** The stretch of wire between a TLS client and its server, where records can be counted and bytes be spoilt. */
export class Wire extends Duplex {
  /** What the server sent, in order. */
  readonly records: WireRecord[] = []
  /** Spoils the last byte of the next thing that the client sends. */
  spoilNext = false
  /** What lies below: bytes written there pass the client's OpenSSL by. */
  readonly transport: net.Socket
  #unread = Buffer.alloc(0)
  #resting = false

  constructor(socket: net.Socket, pace?: Pace) {
    super({ allowHalfOpen: true })
    this.transport = socket
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
    this.#unread = Buffer.concat([this.#unread, bytes])
    while (this.#unread.length >= 5 && this.#unread.length >= 5 + this.#unread.readUInt16BE(3)) {
      const size = 5 + this.#unread.readUInt16BE(3)
      const start = Buffer.from(this.#unread.subarray(5, Math.min(13, size)))
      this.records.push({ type: this.#unread.readUInt8(0), size, start })
      this.#unread = this.#unread.subarray(size)
    }
  }
}

export async function connectOverWire(
  port: number,
  options: tls.ConnectionOptions = {},
  pace?: Pace,
  onKeyLog: (line: Buffer) => void = () => {},
) {
  const socket = net.connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const wire = new Wire(socket, pace)
  const client = tls.connect({ socket: wire, rejectUnauthorized: false, servername: 'localhost', ...options })
  client.on('keylog', onKeyLog)
  await once(client, 'secureConnect')
  return { wire, client }
}
