// A certificate for a connection of this process to itself, so small that it needs no library: RFC 5280 section 4.1 in
// DER (X.690). Nobody is asked to trust it.

import { generateKeyPairSync, sign } from 'node:crypto'

const tag = { integer: 0x02, bitString: 0x03, objectIdentifier: 0x06, utcTime: 0x17, sequence: 0x30 }
const ecdsaWithSha256 = Buffer.from('2a8648ce3d040302', 'hex') // 1.2.840.10045.4.3.2, RFC 5758 section 3.2
const validForMs = 24 * 60 * 60_000

export interface Credentials {
  key: string
  cert: string
}

export function selfSignedCertificate(): Credentials {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = encode(tag.sequence, encode(tag.objectIdentifier, ecdsaWithSha256))
  const nobody = encode(tag.sequence)
  const now = Date.now()
  const toBeSigned = encode(
    tag.sequence,
    encode(tag.integer, Buffer.of(1)),
    algorithm,
    nobody,
    encode(tag.sequence, utcTime(now - validForMs), utcTime(now + validForMs)),
    nobody,
    publicKey.export({ type: 'spki', format: 'der' }),
  )
  const signature = encode(tag.bitString, Buffer.of(0), sign('sha256', toBeSigned, privateKey))
  const certificate = encode(tag.sequence, toBeSigned, algorithm, signature)
  const lines = certificate.toString('base64').replace(/.{64}/g, '$&\n')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  }
}

function encode(identifier: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(identifier, ...head), content])
}

/** YYMMDDHHMMSSZ, RFC 5280 section 4.1.2.5.1 */
function utcTime(timeMs: number): Buffer {
  const digits = new Date(timeMs).toISOString().replace(/\D/g, '').slice(2, 14)
  return encode(tag.utcTime, Buffer.from(`${digits}Z`))
}
