import { createPrivateKey, X509Certificate } from 'node:crypto'
import t from 'tap'
import { selfSignedCertificate } from '../../../src/doctor/self-signed-certificate.js'

t.test('a certificate that OpenSSL reads: of its own key, signed by it, valid today', async (t) => {
  const { key, cert } = selfSignedCertificate()
  const certificate = new X509Certificate(cert)
  t.equal(certificate.checkPrivateKey(createPrivateKey(key)), true)
  t.equal(certificate.verify(certificate.publicKey), true)
  t.ok(Date.parse(certificate.validFrom) < Date.now())
  t.ok(Date.parse(certificate.validTo) > Date.now())
  t.ok(Date.parse(certificate.validTo) - Date.now() < 2 * 24 * 60 * 60_000, 'and not much longer')
  t.not(selfSignedCertificate().key, key, 'never the same')
})
