// What a capture shows of handed-over sessions, decrypted by tshark: every record opens, none is too long, nonces go on
// across the switch, and close_notify is the last.

import { appendFileSync, createReadStream } from 'node:fs'
import { join } from 'node:path'
import { getOffloadState, install } from 'ktls-pipe'
import t from 'tap'
import { cipherSuites, onlySuite, suiteName } from '../support/cipher-suites.js'
import { temporaryFolder, writeRandomFile } from '../support/files.js'
import { kernelTakesNewKeys, onlyWithKernelTls } from '../support/kernel.js'
import { PacketCapture } from '../support/packet-capture.js'
import { connectOverWire } from '../support/raw-tls-client.js'
import { startHttps } from '../support/servers.js'
import { nativeBinding } from '../support/slots.js'
import { timeLimitMs } from '../support/time-limit.js'
import { dissect } from '../support/tshark.js'

const fileBytes = 600_000
const largestPlaintext = 16_384
const [alertRecord, handshakeRecord, applicationData] = [21, 22, 23]
const closeNotify = 0
const keyUpdate = 24

t.setTimeout(timeLimitMs)
install({ tls: { minimumBytes: 0 } })

t.test('sessions of every version and cipher', onlyWithKernelTls, async (t) => {
  const folder = temporaryFolder(t)
  const file = writeRandomFile(folder, fileBytes)
  const keyLog = join(folder, 'keys.log')
  const capture = new PacketCapture(join(folder, 'capture.pcap'))
  t.teardown(() => nativeBinding().setRecordsPerKey(0))

  const ports = new Map<number, (typeof cipherSuites)[number]>()
  for (const suite of cipherSuites) {
    const encryption: string[] = []
    const { port } = await startHttps(
      t,
      (request, response) => {
        response.on('finish', () => encryption.push(getOffloadState(response).encryption))
        if (request.url === '/small') response.end('small')
        else createReadStream(file.path).pipe(response.setHeader('Content-Length', file.size))
      },
      onlySuite(suite),
    )
    // Where a key can change it does so once or more on the way.
    nativeBinding().setRecordsPerKey(kernelTakesNewKeys && suite.version === 'TLSv1.3' ? 20 : 0)
    const connection = capture.connection()
    ports.set(connection.port, suite)
    const { client } = await connectOverWire(port, onlySuite(suite), {
      onKeyLog: (line) => appendFileSync(keyLog, line),
      onRecord: connection.add,
    })
    client.resume()
    const closed = new Promise((resolve) => client.once('close', resolve))
    client.write('GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n')
    client.write('GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n')
    client.write('GET /file HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    await closed
    t.same(encryption, ['userspace', 'kernel', 'kernel'], `${suiteName(suite)}: the switch lies between`)
  }
  capture.close()
  const records = await dissect(t, join(folder, 'capture.pcap'), keyLog)

  for (const [clientPort, suite] of ports) {
    await t.test(suiteName(suite), async (t) => {
      const sent = records.filter((record) => record.clientPort === clientPort && record.fromServer)
      const is13 = suite.version === 'TLSv1.3'
      const overhead = is13 ? 17 : suite.openssl.includes('CHACHA20') ? 16 : 24
      t.ok(sent.length > fileBytes / largestPlaintext)
      t.same(
        sent.filter(({ length }) => length > largestPlaintext + overhead),
        [],
        'no record is longer than 16 KiB and what protects it',
      )
      const encrypted = sent.filter(({ type }) => type === applicationData)
      if (is13)
        t.same(
          encrypted.filter(({ innerType }) => innerType === undefined),
          [],
          'every record opens',
        )
      const answers = sent.filter(({ httpStatus }) => httpStatus !== undefined)
      t.same(
        answers.map(({ httpStatus, httpBodyBytes }) => [httpStatus, httpBodyBytes]),
        [
          [200, 5],
          [200, fileBytes],
          [200, fileBytes],
        ],
        'and all answers come out',
      )
      const alerts = sent.filter(({ innerType }) => innerType === alertRecord)
      t.same(
        alerts.map(({ alert }) => alert),
        [closeNotify],
        'one alert, that opens and is close_notify',
      )
      t.equal(sent.at(-1), alerts[0], 'is the last')
      const updates = sent.filter(
        ({ innerType, handshakeTypes }) => innerType === handshakeRecord && handshakeTypes.includes(keyUpdate),
      )
      if (is13 && kernelTakesNewKeys && !suite.openssl.includes('CHACHA20'))
        t.ok(updates.length >= 1, 'a KeyUpdate opens, and what follows')
      else t.equal(updates.length, 0)
    })
  }
})
