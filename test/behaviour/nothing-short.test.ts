// Every body is whole, whatever its size, however slowly it is read, however little room there is on the way and
// whichever way its connection ends. Kernel TLS takes bytes that TCP has no room for yet, and close() drops those.

import { createReadStream, readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { install } from 'ktls-pipe'
import t from 'tap'
import { type CipherSuite, cipherSuites, onlySuite, suiteName } from '../support/cipher-suites.js'
import { sha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { fullRun } from '../support/full-run.js'
import { parseAnswer } from '../support/http-answer.js'
import { expectTlsTransfers, kernelTls, startCounting } from '../support/kernel.js'
import { limitNetworkBuffers } from '../support/network-buffers.js'
import { SeededRandom } from '../support/random.js'
import { connectOverWire, endsWithCloseNotify } from '../support/raw-tls-client.js'
import { startHttps, startTls } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

const connections = fullRun || !kernelTls ? 500 : 120
const connectionsAtOnce = 16
const largestBody = 300 * 1024
const recordBytes = 16 * 1024
const longestRestMs = 6

t.setTimeout(timeLimitMs)
install({ tls: { minimumBytes: 0 } })

/** How a connection ends; `closeNotify`: whether Node says so to the peer first. */
const endings = {
  /** By node:http, after a response with this header. */
  'Connection: close': { closeNotify: true },
  /** By pipe(), at the end of the file. */
  'end()': { closeNotify: true },
  /** By the application, when the response has emitted 'finish'. */
  'destroy() on finish': { closeNotify: false },
} as const

type Ending = keyof typeof endings

interface Attempt {
  ending: Ending
  suite: CipherSuite
  start: number
  size: number
}

t.test(`${connections} bodies of random sizes to slow readers with small buffers`, async (t) => {
  const file = writeRandomFile(temporaryFolder(t), 1024 * 1024)
  const content = readFileSync(file.path)
  const random = SeededRandom.of(t)
  limitNetworkBuffers(t, {
    receive: { smallest: 4096, usual: 8192, largest: 16384 },
    send: { smallest: 4096, usual: 32768, largest: 32768 },
  })
  const openRange = (start: number, size: number) => createReadStream(file.path, { start, end: start + size - 1 })
  const ports = await startServers(openRange)
  const attempts = Array.from({ length: connections }, () => nextAttempt(random, file.size))
  const failures: string[] = []
  const count = startCounting()

  const waiting = [...attempts]
  const work = async () => {
    for (let attempt = waiting.pop(); attempt !== undefined; attempt = waiting.pop()) {
      const failure = await check(attempt).catch(String)
      if (failure !== undefined) failures.push(`${describe(attempt)}: ${failure}`)
    }
  }
  await Promise.all(Array.from({ length: connectionsAtOnce }, work))

  t.same(failures, [], 'all bodies are whole, and close_notify is the last record where Node sends one')
  expectTlsTransfers(t, count(), connections, 'the bodies')

  async function startServers(open: typeof openRange): Promise<Record<Ending, number>> {
    const listener: RequestListener = (request, response) => {
      const [, start = 0, size = 0] = (request.url ?? '').split('/').map(Number)
      response.setHeader('Content-Length', size)
      if (request.headers.connection !== 'close') response.on('finish', () => request.socket.destroy())
      open(start, size).pipe(response)
    }
    const https = await startHttps(t, listener)
    const bare = await startTls(t, (socket) => {
      socket.on('error', () => {}) // a client that is gone
      socket.once('data', (line) => {
        const [start = 0, size = 0] = String(line).split(' ').map(Number)
        open(start, size).pipe(socket)
      })
    })
    return { 'Connection: close': https.port, 'end()': bare.port, 'destroy() on finish': https.port }
  }

  async function check({ ending, suite, start, size }: Attempt): Promise<string | undefined> {
    const pace = () => random.integer(0, longestRestMs)
    const { wire, client } = await connectOverWire(ports[ending], onlySuite(suite), { pace })
    const fields = ending === 'Connection: close' ? ['Host: localhost', 'Connection: close'] : ['Host: localhost']
    const line = ending === 'end()' ? `${start} ${size}` : `GET /${start}/${size} HTTP/1.1`
    client.write(ending === 'end()' ? line : [line, ...fields, '', ''].join('\r\n'))
    const received = await readToEnd(client)
    const body = ending === 'end()' ? received : parseAnswer(received).body
    if (body.length !== size) return `${body.length} bytes came`
    if (sha256(body) !== sha256(content.subarray(start, start + size))) return 'other bytes came'
    if (endings[ending].closeNotify && !endsWithCloseNotify(wire, suite.version)) return 'no close_notify at the end'
    return undefined
  }
})

function nextAttempt(random: SeededRandom, fileBytes: number): Attempt {
  const limit = random.integer(recordBytes, largestBody) // so that small ones are as many as large ones
  const size = random.integer(1, limit)
  const records = Math.ceil(size / recordBytes)
  const atBorder = random.integer(0, 2) === 0
  return {
    ending: random.pick(Object.keys(endings) as Ending[]),
    suite: random.pick(cipherSuites),
    start: random.integer(0, fileBytes - largestBody - recordBytes),
    size: atBorder ? records * recordBytes + random.integer(-1, 1) : size,
  }
}

function describe({ ending, suite, start, size }: Attempt): string {
  return `${size} bytes from ${start}, ${suiteName(suite)}, ${ending}`
}

/** Everything that comes until the connection ends, by whatever way. */
function readToEnd(client: TLSSocket): Promise<Buffer> {
  const chunks: Buffer[] = []
  client.on('data', (chunk: Buffer) => chunks.push(chunk))
  client.on('error', () => {}) // what is missing is seen in the bytes
  return new Promise((resolve) => client.once('close', () => resolve(Buffer.concat(chunks))))
}
