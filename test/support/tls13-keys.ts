// TLS 1.3's key schedule and record protection once more, with node:crypto: what the package does in C++ is checked by
// an implementation that shares nothing with it.

import { createCipheriv, createHmac } from 'node:crypto'

export interface TrafficKeys {
  key: Buffer
  iv: Buffer
}

const hashOf: Record<number, 'sha256' | 'sha384'> = { 32: 'sha256', 48: 'sha384' }
const ivBytes = 12
const tagBytes = 16

/** HKDF-Expand-Label with an empty context: RFC 8446, 7.1, and RFC 5869, 2.3. */
function expandLabel(secret: Buffer, label: string, length: number): Buffer {
  const fullLabel = Buffer.from(`tls13 ${label}`)
  const info = Buffer.concat([Buffer.from([length >> 8, length & 0xff, fullLabel.length]), fullLabel, Buffer.of(0)])
  let block = Buffer.alloc(0)
  let output = Buffer.alloc(0)
  for (let counter = 1; output.length < length; counter++) {
    const hmac = createHmac(hashOf[secret.length] as string, secret)
    block = hmac.update(block).update(info).update(Buffer.of(counter)).digest()
    output = Buffer.concat([output, block])
  }
  return output.subarray(0, length)
}

/** RFC 8446, 7.3. AES-256-GCM and ChaCha20-Poly1305 have keys of 32 bytes, AES-128-GCM of 16. */
export function trafficKeys(secret: Buffer, keyBytes: 16 | 32): TrafficKeys {
  return { key: expandLabel(secret, 'key', keyBytes), iv: expandLabel(secret, 'iv', ivBytes) }
}

/** The secret after a KeyUpdate: RFC 8446, 7.2. */
export function nextSecret(secret: Buffer): Buffer {
  return expandLabel(secret, 'traffic upd', secret.length)
}

/** One AES-GCM record as it goes over the wire: RFC 8446, 5.2 and 5.3. */
export function protectRecord(
  { key, iv }: TrafficKeys,
  sequence: number,
  contentType: number,
  content: Buffer,
): Buffer {
  const inner = Buffer.concat([content, Buffer.of(contentType)])
  const size = inner.length + tagBytes
  const header = Buffer.from([23, 3, 3, size >> 8, size & 0xff])
  const nonce = Buffer.from(iv)
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ sequence) >>> 0, 8)
  const cipher = createCipheriv(key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm', key, nonce)
  cipher.setAAD(header)
  return Buffer.concat([header, cipher.update(inner), cipher.final(), cipher.getAuthTag()])
}

/** The secret of a key log line: LABEL client_random secret, the last two in hex. */
export function secretOfLine(line: Buffer, label: string): Buffer | undefined {
  const [found, , secret] = line.toString('latin1').trim().split(' ')
  return found === label && secret !== undefined ? Buffer.from(secret, 'hex') : undefined
}
