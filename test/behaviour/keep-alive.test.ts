// One connection for many requests of every kind: files that are offloaded, small answers, errors, bytes before a file.
// Each body is byte-exact and in its place, and the session is handed over once.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, readFileSync } from 'node:fs'
import type { RequestListener, ServerResponse } from 'node:http'
import { getOffloadState, install } from 'ktls-pipe'
import t from 'tap'
import { temporaryFolder, writeRandomFile } from '../support/files.js'
import { oneConnection, receive, request } from '../support/http-client.js'
import { kernelTls, startCounting, tlsTxSw } from '../support/kernel.js'
import { SeededRandom } from '../support/random.js'
import { startHttp, startHttps } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

const requests = 50

t.setTimeout(timeLimitMs)
install({ tls: { minimumBytes: 0 }, tcp: { minimumBytes: 0 } })

interface Exchange {
  status: number
  body: Buffer
  /** Whether a file is a part of it. */
  file: boolean
  answer: (response: ServerResponse) => void
}

for (const scheme of ['https', 'http'] as const) {
  t.test(`50 requests on one connection of ${scheme}`, async (t) => {
    const random = SeededRandom.of(t)
    const { path } = writeRandomFile(temporaryFolder(t), 1_000_000)
    const content = readFileSync(path)
    const kinds = exchanges(path, content, random)
    const planned = Array.from({ length: requests }, (_, index) => {
      const kind = kinds[index % kinds.length] as () => Exchange
      return kind()
    })
    const connections = new Set<unknown>()
    const finishes: Promise<string>[] = []
    const listener: RequestListener = (incoming, response) => {
      connections.add(incoming.socket)
      finishes.push(once(response, 'finish').then(() => getOffloadState(response).encryption))
      planned[Number(incoming.url?.slice(1))]?.answer(response)
    }
    const { port } = scheme === 'https' ? await startHttps(t, listener) : await startHttp(t, listener)
    const agent = oneConnection(scheme)
    t.teardown(() => agent.destroy())
    const count = startCounting()
    const sessionsBefore = tlsTxSw()

    const wrong: string[] = []
    for (const [index, { status, body }] of planned.entries()) {
      const incoming = await request(scheme, port, { agent, path: `/${index}` })
      const { bytes, aborted } = await receive(incoming)
      const right = incoming.statusCode === status && !aborted && bytes.equals(body)
      if (!right) wrong.push(`request ${index}: status ${incoming.statusCode}, ${bytes.length} of ${body.length} bytes`)
    }

    // A client may have the last byte before the server is told that it was taken.
    const states = await Promise.all(finishes)

    t.same(wrong, [], 'every answer is right')
    t.equal(connections.size, 1, 'over one connection')
    const { sessions, transfers, fallbacks } = count()
    const files = planned.filter(({ file }) => file).length
    if (scheme === 'http') {
      t.equal(transfers.tcp, files, 'every file is offloaded')
    } else if (kernelTls) {
      t.equal(transfers.tls, files, 'every file is offloaded')
      t.same(sessions, { tracked: 1, kernel: 1, refused: 0 }, 'by one hand-over')
      t.equal(tlsTxSw() - sessionsBefore, 1, 'as the kernel says too')
      const first = planned.findIndex(({ file }) => file)
      const expected = planned.map((_, index) => (index < first ? 'userspace' : 'kernel'))
      t.same(states, expected, 'with the first file, and for good')
    } else {
      t.equal(fallbacks['kernel-tls-unavailable'], files, 'every file is counted')
    }
  })
}

/** Kinds of requests; those without a file come first, so that the hand-over is in the middle. */
function exchanges(path: string, content: Buffer, random: SeededRandom): (() => Exchange)[] {
  const range = () => {
    const start = random.integer(0, content.length - 1)
    return { start, end: random.integer(start, Math.min(content.length, start + 200_000) - 1) }
  }
  const open = (part: ReturnType<typeof range>) => createReadStream(path, part)
  const bytesOf = ({ start, end }: ReturnType<typeof range>) => content.subarray(start, end + 1)
  return [
    function json() {
      const body = Buffer.from(JSON.stringify({ random: random.integer(0, 1e9) }))
      const answer = (response: ServerResponse) => response.setHeader('Content-Type', 'application/json').end(body)
      return { status: 200, body, file: false, answer }
    },
    function notFound() {
      const body = Buffer.from('not here')
      return { status: 404, body, file: false, answer: (response) => response.writeHead(404).end(body) }
    },
    function withContentLength() {
      const part = range()
      const body = bytesOf(part)
      const answer = (response: ServerResponse) => open(part).pipe(response.setHeader('Content-Length', body.length))
      return { status: 200, body, file: true, answer }
    },
    function inChunks() {
      const part = range()
      return { status: 200, body: bytesOf(part), file: true, answer: (response) => open(part).pipe(response) }
    },
    function bytesBefore() {
      const part = range()
      const before = randomBytes(random.integer(1, 40_000))
      const body = Buffer.concat([before, bytesOf(part)])
      const answer = (response: ServerResponse) => {
        response.setHeader('Content-Length', body.length)
        response.write(before)
        open(part).pipe(response)
      }
      return { status: 200, body, file: true, answer }
    },
    function bytesBeforeInChunks() {
      const part = range()
      const body = Buffer.concat([Buffer.from('x'), bytesOf(part)])
      const answer = (response: ServerResponse) => {
        response.write('x')
        open(part).pipe(response)
      }
      return { status: 200, body, file: true, answer }
    },
    function bytesAfter() {
      const part = range()
      const after = randomBytes(random.integer(1, 40_000))
      const body = Buffer.concat([bytesOf(part), after])
      const answer = (response: ServerResponse) => {
        const source = open(part)
        source.pipe(response, { end: false })
        source.on('end', () => response.end(after))
      }
      return { status: 200, body, file: true, answer }
    },
  ]
}
