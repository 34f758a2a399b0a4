// What node:http and Express make of a file (HEAD, conditional requests, ranges, answers without a body, trailers) is the
// same with and without offloading: status, headers and body.

import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import type http from 'node:http'
import express from 'express'
import { install, setOffload } from 'ktls-pipe'
import t from 'tap'
import { sha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { receive, request, type Scheme } from '../support/http-client.js'
import { expectOffloaded, startCounting } from '../support/kernel.js'
import { limitNetworkBuffers } from '../support/network-buffers.js'
import { startHttp, startHttps } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

const folder = temporaryFolder(t)
const file = writeRandomFile(folder, 300_001, 'file.bin')

t.setTimeout(timeLimitMs)
install({ tls: { minimumBytes: 0 }, tcp: { minimumBytes: 0 } })

interface Case {
  path: string
  method?: string
  headers?: http.OutgoingHttpHeaders
  status: number
  /** Whether a file's bytes are a part of the answer. */
  body: boolean
}

const cases: Record<string, Case> = {
  GET: { path: '/static/file.bin', status: 200, body: true },
  HEAD: { path: '/static/file.bin', method: 'HEAD', status: 200, body: false },
  'HEAD of a route that pipes': { path: '/pipe', method: 'HEAD', status: 200, body: false },
  'a file that has not changed': {
    path: '/static/file.bin',
    headers: { 'If-Modified-Since': new Date(Date.now() + 60_000).toUTCString() },
    status: 304,
    body: false,
  },
  'a range at the start': range('0-99999', 206),
  'a range in the middle': range('100001-200000', 206),
  'a range at the end': range('-50000', 206),
  'a range that is not there': { ...range('400000-500000', 416), body: false },
  'several ranges, of which Express serves none': range('0-9,20-29', 200),
  'a file that is not there': { path: '/static/other.bin', status: 404, body: false },
  '204 with a file piped into it': { path: '/pipe/204', status: 204, body: false },
  '304 with a file piped into it': { path: '/pipe/304', status: 304, body: false },
  'an error page': { path: '/pipe/500', status: 500, body: true },
  'HTTP/1.0 style, ended by the connection': {
    path: '/pipe',
    headers: { Connection: 'close' },
    status: 200,
    body: true,
  },
  'Expect: 100-continue': { path: '/pipe', headers: { Expect: '100-continue' }, status: 200, body: true },
  trailers: { path: '/trailers', headers: { TE: 'trailers' }, status: 200, body: true },
}

function range(bytes: string, status: number): Case {
  return { path: '/static/file.bin', headers: { Range: `bytes=${bytes}` }, status, body: true }
}

let offload = true
const app = express().set('env', 'test') // does not print errors
app.use((_request, response, next) => {
  setOffload(response, offload)
  next()
})
app.use('/static', express.static(folder))
app.get('/pipe{/:status}', (request, response) => {
  response.status(Number(request.params.status ?? 200))
  createReadStream(file.path).pipe(response)
})
app.get('/trailers', (_request, response) => {
  response.setHeader('Trailer', 'Checksum')
  const source = createReadStream(file.path)
  source.on('end', () => response.addTrailers({ Checksum: file.sha256 }))
  source.pipe(response)
})

for (const scheme of ['https', 'http'] as const) {
  t.test(scheme, async (t) => {
    const { port } = scheme === 'https' ? await startHttps(t, app) : await startHttp(t, app)
    for (const [name, own] of Object.entries(cases)) {
      await t.test(name, async (t) => {
        offload = false
        const expected = await ask(scheme, port, own)
        offload = true
        const count = startCounting()
        t.same(await ask(scheme, port, own), expected, 'the answer is the same')
        t.equal(expected.status, own.status)
        expectOffloaded(t, scheme, count(), own.body ? 1 : 0)
      })
    }
  })
}

async function ask(scheme: Scheme, port: number, { path, method = 'GET', headers = {} }: Case) {
  const incoming = await request(scheme, port, { path, method, headers, agent: false })
  const { bytes, aborted } = await receive(incoming)
  const { date: _, ...ownHeaders } = incoming.headers
  return {
    status: incoming.statusCode,
    headers: ownHeaders,
    trailers: incoming.trailers,
    body: sha256(bytes),
    size: bytes.length,
    aborted,
  }
}

t.test("https: corked words that are more than a response should hold, after a file: 'drain' comes", async (t) => {
  const words = Buffer.alloc(35_854, 'w') // together more than any high-water mark of Node's; and not each
  const sizes = { smallest: 4096, usual: 16_384, largest: 65_536 }
  limitNetworkBuffers(t, { receive: sizes, send: sizes }) // the first is taken at once, the second is not
  const { port } = await startHttps(t, async (_request, response) => {
    const source = createReadStream(file.path)
    source.pipe(response, { end: false })
    await once(source, 'end')
    if (response.writableNeedDrain) await once(response, 'drain')
    response.cork()
    response.write(words)
    response.write(words)
    response.uncork()
    if (response.writableNeedDrain) await once(response, 'drain')
    response.end()
  })
  const count = startCounting()
  const { bytes } = await receive(await request('https', port, { agent: false }))
  t.equal(bytes.length, file.size + 2 * words.length)
  expectOffloaded(t, 'https', count(), 1)
})
