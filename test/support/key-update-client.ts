import { once } from 'node:events'
import type { TLSSocket } from 'node:tls'
import { type CipherSuite, onlySuite } from './cipher-suites.js'
import { connectOverWire, type Wire } from './raw-tls-client.js'
import { nextSecret, protectRecord, secretOfLine, trafficKeys } from './tls13-keys.js'

const suite: CipherSuite = { version: 'TLSv1.3', openssl: 'TLS_AES_256_GCM_SHA384', gnutls: 'AES-256-GCM' }
const applicationData = 23
const handshake = 22
const keyUpdateRequested = Buffer.of(24, 0, 0, 1, 1)
const keyBytes = 32

/**
 * A TLS 1.3 client that asks for new keys as often as it likes: OpenSSL's own asks once and waits. OpenSSL makes the
 * handshake and reads; what is sent after it is encrypted here.
 */
export class KeyUpdateClient {
  readonly socket: TLSSocket
  readonly #wire: Wire
  #secret: Buffer
  #sequence = 0

  private constructor(socket: TLSSocket, wire: Wire, secret: Buffer) {
    this.socket = socket
    this.#wire = wire
    this.#secret = secret
  }

  static async connect(port: number): Promise<KeyUpdateClient> {
    let secret: Buffer | undefined
    const { client, wire } = await connectOverWire(port, onlySuite(suite), {
      onKeyLog: (line) => {
        secret ??= secretOfLine(line, 'CLIENT_TRAFFIC_SECRET_0')
      },
    })
    if (secret === undefined) throw new Error('no traffic secret was logged')
    return new KeyUpdateClient(client, wire, secret)
  }

  async send(text: string): Promise<void> {
    await this.#write([this.#protect(applicationData, Buffer.from(text))])
  }

  /** So many KeyUpdates (RFC 8446, 4.6.3), each of which wants one in return. */
  async requestKeys(count: number): Promise<void> {
    const records: Buffer[] = []
    for (let index = 0; index < count; index++) {
      records.push(this.#protect(handshake, keyUpdateRequested))
      this.#secret = nextSecret(this.#secret)
      this.#sequence = 0
    }
    await this.#write(records)
  }

  #protect(contentType: number, content: Buffer): Buffer {
    return protectRecord(trafficKeys(this.#secret, keyBytes), this.#sequence++, contentType, content)
  }

  async #write(records: Buffer[]): Promise<void> {
    if (!this.#wire.transport.write(Buffer.concat(records))) await once(this.#wire.transport, 'drain')
  }
}
