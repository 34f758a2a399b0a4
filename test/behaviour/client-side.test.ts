// The other direction: a client that sends a file to its server.

import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type { LookupFunction, Socket } from 'node:net'
import net from 'node:net'
import { finished } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import tls from 'node:tls'
import { getOffloadState, install } from 'ktls-pipe'
import t, { type Test } from 'tap'
import { cipherSuites, onlySuite, suiteName } from '../support/cipher-suites.js'
import { sizeAndSha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { oneConnection, receive, type Scheme } from '../support/http-client.js'
import { expectTlsTransfers, kernelTls, type StatsDifference, startCounting } from '../support/kernel.js'
import { startHttp, startHttps, startTcp, startTls } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

t.setTimeout(timeLimitMs)
install({ tls: { minimumBytes: 0 }, tcp: { minimumBytes: 0 } })

const file = writeRandomFile(temporaryFolder(t), 700_001)

for (const scheme of ['https', 'http'] as const) {
  t.test(`createReadStream().pipe(${scheme}.request())`, async (t) => {
    const listener: http.RequestListener = async (request, response) => response.end(await summary(request))
    const { port } = scheme === 'https' ? await startHttps(t, listener) : await startHttp(t, listener)

    for (const framing of ['with Content-Length', 'in chunks']) {
      await t.test(framing, async (t) => {
        const count = startCounting()
        const headers = framing === 'in chunks' ? {} : { 'Content-Length': file.size }
        const { outgoing, answer } = await upload(scheme, { port, headers })
        t.equal(answer, `${file.size} ${file.sha256}`, 'the server got the file')
        expectOneTransfer(t, scheme, count())
        if (scheme === 'http' || kernelTls) t.equal(getOffloadState(outgoing).bytesOffloaded, file.size)
      })
    }
  })
}

for (const scheme of ['https', 'http'] as const) {
  t.test(`a ${scheme} request that waits until another has done with the connection`, async (t) => {
    const listener: http.RequestListener = async (request, response) => response.end(await summary(request))
    const { port } = scheme === 'https' ? await startHttps(t, listener) : await startHttp(t, listener)
    const agent = oneConnection(scheme)
    t.teardown(() => agent.destroy())
    const count = startCounting()
    const options = { port, agent, headers: { 'Content-Length': file.size } }
    const uploads = await Promise.all([upload(scheme, options), upload(scheme, options)])
    for (const { answer } of uploads) t.equal(answer, `${file.size} ${file.sha256}`, 'the server got the file')
    if (scheme === 'https') expectTlsTransfers(t, count(), 2, 'both files')
    else t.equal(count().transfers.tcp, 2, 'both files are offloaded')
  })
}

for (const scheme of ['https', 'http'] as const) {
  t.test(`a file that is piped elsewhere before its ${scheme} request is connected goes only there`, async (t) => {
    const listener: http.RequestListener = async (request, response) => response.end(await summary(request))
    const { port } = scheme === 'https' ? await startHttps(t, listener) : await startHttp(t, listener)
    const { request: open } = scheme === 'https' ? https : http
    const options = { port, method: 'POST', rejectUnauthorized: false }
    let connectFirst = () => {}
    const lookup: LookupFunction = (_name, { all }, found) => {
      const address = { address: '127.0.0.1', family: 4 }
      connectFirst = () => (all ? found(null, [address]) : found(null, address.address, address.family))
    }
    const first = open({ ...options, host: 'first.test', lookup })
    const second = open({ ...options, host: '127.0.0.1' })
    const answers = Promise.all([first, second].map(answerTo))
    const source = createReadStream(file.path)
    source.pipe(first)
    await once(source, 'ready')
    await turn() // by now it has been asked for its first bytes
    source.unpipe(first)
    source.pipe(second)
    connectFirst()
    first.end()
    t.strictSame(await answers, [await summary([]), `${file.size} ${file.sha256}`])
  })
}

t.test('createReadStream().pipe(tls.connect())', async (t) => {
  for (const suite of cipherSuites) {
    await t.test(suiteName(suite), async (t) => {
      const { received, listener } = collector()
      const { port } = await startTls(t, listener, { ...onlySuite(suite), allowHalfOpen: true })
      const count = startCounting()
      const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
      createReadStream(file.path).pipe(socket)
      t.equal(await received, `${file.size} ${file.sha256}`, 'the server got the file')
      expectOneTransfer(t, 'https', count())
      await finished(socket.resume())
      t.equal(getOffloadState(socket).encryption, kernelTls ? 'kernel' : 'userspace')
    })
  }
})

t.test('createReadStream().pipe(net.connect())', async (t) => {
  const { received, listener } = collector()
  const { port } = await startTcp(t, listener)
  const count = startCounting()
  const socket = net.connect(port, '127.0.0.1')
  createReadStream(file.path).pipe(socket)
  t.equal(await received, `${file.size} ${file.sha256}`, 'the server got the file')
  expectOneTransfer(t, 'http', count())
  await finished(socket.resume())
})

/** The body is piped at once, long before there is a connection. */
async function answerTo(outgoing: http.ClientRequest): Promise<string> {
  const [incoming] = (await once(outgoing, 'response')) as [http.IncomingMessage]
  return (await receive(incoming)).bytes.toString()
}

async function upload(scheme: Scheme, options: https.RequestOptions) {
  const { request: open } = scheme === 'https' ? https : http
  const outgoing = open({ host: '127.0.0.1', method: 'POST', rejectUnauthorized: false, ...options })
  const answered = new Promise<http.IncomingMessage>((resolve) => outgoing.once('response', resolve))
  const closed = once(outgoing, 'close') // it may hear later than the answer comes that its last bytes were taken
  createReadStream(file.path).pipe(outgoing)
  const { bytes } = await receive(await answered)
  await closed
  return { outgoing, answer: bytes.toString() }
}

function expectOneTransfer(t: Test, scheme: Scheme, counted: StatsDifference): void {
  if (scheme === 'https') expectTlsTransfers(t, counted, 1, 'the file')
  else t.equal(counted.transfers.tcp, 1, 'the file is offloaded')
}

/** A server that reads to the end and says what it got. */
function collector() {
  let listener: (socket: Socket) => void = () => {}
  const received = new Promise<string>((resolve, reject) => {
    listener = (socket) => {
      summary(socket).then(resolve, reject)
      socket.on('end', () => socket.end())
    }
  })
  return { received, listener }
}

async function summary(bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string> {
  const { size, sha256 } = await sizeAndSha256(bytes)
  return `${size} ${sha256}`
}
