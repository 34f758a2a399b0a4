import { generate } from 'selfsigned'

export interface Certificate {
  key: string
  cert: string
}

const dayMs = 24 * 60 * 60 * 1000
const made = new Map<string, Promise<Certificate>>()

/** A self-signed certificate for a host, made in memory once a process. */
export function certificate(keyType: 'ec' | 'rsa' = 'ec', host = 'localhost'): Promise<Certificate> {
  const known = made.get(`${keyType} ${host}`)
  if (known !== undefined) return known
  const fresh = make(keyType, host)
  made.set(`${keyType} ${host}`, fresh)
  return fresh
}

async function make(keyType: 'ec' | 'rsa', host: string): Promise<Certificate> {
  const now = Date.now()
  const { private: key, cert } = await generate([{ name: 'commonName', value: host }], {
    ...(keyType === 'ec' ? { keyType, curve: 'P-256' as const } : { keyType, keySize: 2048 }),
    algorithm: 'sha256',
    notBeforeDate: new Date(now - dayMs),
    notAfterDate: new Date(now + 7 * dayMs),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: host }] },
    ],
  })
  return { key, cert }
}
