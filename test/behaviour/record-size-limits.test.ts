// Records that are to be smaller than 16 KiB, which the kernel cannot write: as the server's setMaxSendFragment() has it
// or as the client asks (max_fragment_length, RFC 6066). The ordinary path keeps to the limit; a session that was handed
// over already refuses one.

import { createReadStream, readFileSync } from 'node:fs'
import type http from 'node:http'
import type { SecureVersion, TLSSocket } from 'node:tls'
import { getOffloadState, install, type OffloadState } from 'ktls-pipe'
import t, { type Test } from 'tap'
import { temporaryFolder, writeRandomFile } from '../support/files.js'
import { parseAnswer } from '../support/http-answer.js'
import { kernelTls, positive, reasonOfSession, startCounting } from '../support/kernel.js'
import { openssl } from '../support/openssl-client.js'
import { connectOverWire } from '../support/raw-tls-client.js'
import { startHttps } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

const limit = 1024
const mostOverhead = 5 + 8 + 1 + 16 // of a record's header, explicit nonce, inner type and authentication

t.setTimeout(timeLimitMs)
install({ tls: { minimumBytes: 0 } })

const file = writeRandomFile(temporaryFolder(t), 300_001)
const content = readFileSync(file.path)
const versions: SecureVersion[] = ['TLSv1.2', 'TLSv1.3']
const get = (connection: string) => `GET / HTTP/1.1\r\nHost: localhost\r\nConnection: ${connection}\r\n\r\n`
const fallbackReason = reasonOfSession('record-size-limited')
const limited: OffloadState = { encryption: 'userspace', bytesOffloaded: 0, fallbackReason }
const offloaded: OffloadState = kernelTls
  ? { encryption: 'kernel', bytesOffloaded: file.size }
  : { encryption: 'userspace', bytesOffloaded: 0, fallbackReason: 'kernel-tls-unavailable' }

for (const version of versions) {
  t.test(`max_fragment_length, ${version}`, async (t) => {
    const { port, states } = await startServer(t, version, {})
    const count = startCounting()
    const client = openssl(port, ['-maxfraglen', `${limit}`])
    client.type(get('keep-alive'))
    await client.untilPrintedBytes(file.size)
    client.type(get('close'))
    const { code, printed } = await client.ended
    t.equal(code, 0)
    t.equal(occurrences(printed), 2, 'every byte of both files is right')
    t.same(states, [limited, limited])
    t.same(positive(count().fallbacks), { [fallbackReason]: 2 })
  })

  t.test(`setMaxSendFragment() before the first file, ${version}`, async (t) => {
    const results: boolean[] = []
    const onRequest = (socket: TLSSocket) => results.push(socket.setMaxSendFragment(limit))
    const { port, states } = await startServer(t, version, { onRequest })
    const { received, dataRecords } = await fetch(port, [get('close')])
    t.same(results, [true])
    t.ok(parseAnswer(received).body.equals(content), 'every byte is right')
    t.same(states, [limited])
    t.ok(dataRecords.length > file.size / limit)
    t.ok(Math.max(...dataRecords) <= limit + mostOverhead, 'no record is larger')
  })
}

for (const version of versions) {
  t.test(`setMaxSendFragment() to what the kernel writes anyway, ${version}`, async (t) => {
    const results: boolean[] = []
    const onRequest = (socket: TLSSocket) => results.push(socket.setMaxSendFragment(16384))
    const { port, states } = await startServer(t, version, { onRequest })
    const { received } = await fetch(port, [get('close')])
    t.same(results, [true])
    t.ok(parseAnswer(received).body.equals(content), 'every byte is right')
    t.same(states, [offloaded])
  })

  t.test(`setMaxSendFragment() after a file, ${version}`, async (t) => {
    const results: boolean[] = []
    const onFinish = (socket: TLSSocket) => results.push(socket.setMaxSendFragment(limit))
    const { port, states } = await startServer(t, version, { onFinish })
    const { received } = await fetch(port, [get('keep-alive'), get('close')])
    t.equal(results[0], !kernelTls, 'refused after the hand-over')
    t.equal(occurrences(received), 2, 'every byte of both files is right')
    t.same(states, [offloaded, offloaded])
  })
}

function occurrences(received: Buffer): number {
  return received.toString('latin1').split(content.toString('latin1')).length - 1
}

type Step = (socket: TLSSocket) => unknown

async function startServer(t: Test, version: SecureVersion, steps: { onRequest?: Step; onFinish?: Step }) {
  const states: OffloadState[] = []
  const listener = (request: http.IncomingMessage, response: http.ServerResponse) => {
    const socket = request.socket as TLSSocket
    steps.onRequest?.(socket)
    response.on('finish', () => {
      states.push(getOffloadState(response))
      steps.onFinish?.(socket)
    })
    createReadStream(file.path).pipe(response.setHeader('Content-Length', file.size))
  }
  const { port } = await startHttps(t, listener, { minVersion: version, maxVersion: version })
  return { port, states }
}

/** Requests at once, the last of which ends the connection. */
async function fetch(port: number, requests: string[]) {
  const { wire, client } = await connectOverWire(port)
  const received: Buffer[] = []
  client.on('data', (bytes: Buffer) => received.push(bytes))
  const closed = new Promise((resolve) => client.once('close', resolve))
  client.write(requests.join(''))
  await closed
  const dataRecords = wire.records.filter(({ type }) => type === 23).map(({ size }) => size)
  return { received: Buffer.concat(received), dataRecords }
}
