// A self-signed certificate for localhost: made on first start, kept in certificate/ (ignored by git) and made anew
// when it has expired. Key and certificate share one file that is put in place by a rename, so that two servers which
// start together never see half a pair.

import { X509Certificate } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const folder = join(import.meta.dirname, 'certificate')
export const certificateFile = join(folder, 'localhost.pem')

const dayMs = 24 * 60 * 60 * 1000
const validDays = 365
const readOnlyErrors = new Set(['EACCES', 'EPERM', 'EROFS'])

/** Options for `https.createServer`: `{ key, cert }`. */
export async function loadCertificate() {
  const pem = (await readStored()) ?? (await makeAndStore())
  return { key: pem, cert: pem }
}

async function readStored() {
  let pem
  try {
    pem = await readFile(certificateFile, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'EACCES') return undefined
    throw error
  }
  const { validFrom, validTo } = new X509Certificate(pem)
  const now = Date.now()
  return Date.parse(validFrom) <= now && now + dayMs < Date.parse(validTo) ? pem : undefined
}

async function makeAndStore() {
  const pem = await makeCertificate()
  try {
    await mkdir(folder, { recursive: true })
    const unfinished = `${certificateFile}.${process.pid}`
    await writeFile(unfinished, pem, { mode: 0o600 })
    await rename(unfinished, certificateFile)
  } catch (error) {
    // A folder that cannot be written: the certificate lives as long as this process.
    if (!readOnlyErrors.has(error.code)) throw error
  }
  return pem
}

async function makeCertificate() {
  // Imported here because it takes a while to load and is needed once a year.
  const { generate } = await import('selfsigned')
  const now = Date.now()
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - dayMs), // clocks differ
    notAfterDate: new Date(now + validDays * dayMs),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  })
  return `${key.trim()}\n${cert.trim()}\n`
}
