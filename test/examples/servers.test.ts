// The other examples: what they serve is the file, and the kernel encrypts it where it can.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer, json, text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import t from 'tap'
import { certificate } from '../support/certificate.js'
import { startExample } from '../support/example-app.js'
import { sha256, sizeAndSha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { receive, request } from '../support/http-client.js'
import { kernelTls, sessionsCounted, tlsTxSw } from '../support/kernel.js'
import { projectFile } from '../support/project.js'
import { timeLimitMs } from '../support/time-limit.js'

const fileBytes = 3_000_001
const encryption = kernelTls ? 'kernel' : 'userspace'

t.setTimeout(timeLimitMs)

t.test('download-server', async (t) => {
  const folder = temporaryFolder(t)
  const { name, path, sha256: wanted } = writeRandomFile(folder, fileBytes)
  const bytes = readFileSync(path)
  const { origin } = await startExample(t, 'download-server/server.mjs', folder)
  const port = Number(new URL(origin).port)
  const ask = async (headers: Record<string, string> = {}, method = 'GET', file = name) => {
    const response = await request('https', port, { path: `/${file}`, agent: false, headers, method })
    const { statusCode, headers: answered } = response
    return {
      status: statusCode,
      range: answered['content-range'],
      tag: answered.etag,
      body: (await receive(response)).bytes,
    }
  }
  const sessions = tlsTxSw()
  const whole = await ask()
  t.equal(sha256(whole.body), wanted)
  t.equal(whole.status, 200)
  t.equal(tlsTxSw() - sessions, sessionsCounted('TLSv1.3', 1), 'by the kernel where that is possible')

  const half = 1_500_000
  for (const [range, start, end] of [
    [`bytes=${half}-`, half, fileBytes],
    ['bytes=0-0', 0, 1],
    ['bytes=-10', fileBytes - 10, fileBytes],
    [`bytes=10-${fileBytes * 2}`, 10, fileBytes],
  ] as const) {
    const part = await ask({ Range: range, 'If-Range': String(whole.tag) })
    t.match(part, { status: 206, range: `bytes ${start}-${end - 1}/${fileBytes}` }, range)
    t.ok(part.body.equals(bytes.subarray(start, end)), range)
  }
  t.match(await ask({ Range: 'bytes=0-9', 'If-Range': '"another"' }), { status: 200 }, 'another file: the whole')
  t.match(await ask({ Range: `bytes=${fileBytes}-` }), { status: 416, range: `bytes */${fileBytes}` })
  t.match(await ask({ Range: 'bytes=-0' }), { status: 416 })
  t.match(await ask({ Range: 'lines=1-2' }), { status: 200 })
  t.match(await ask({ 'If-None-Match': String(whole.tag) }), { status: 304 })
  t.strictSame((await ask({}, 'HEAD')).body.length, 0)
  t.match(await ask({}, 'POST'), { status: 405 })
  t.match(await ask({}, 'GET', 'not-there'), { status: 404 })
  t.match(await ask({}, 'GET', '..%2f..%2fetc%2fpasswd'), { status: 404 })
  t.match(await ask({}, 'GET', ''), { status: 404 }, 'the folder itself')
  t.match(await ask({}, 'GET', '%'), { status: 404 }, 'no URL')
  const spaced = writeRandomFile(folder, 10, 'a film.bin')
  t.equal(sha256((await ask({}, 'GET', 'a%20film.bin')).body), spaced.sha256)
})

t.test('tls-socket', async (t) => {
  const folder = temporaryFolder(t)
  const { sha256: wanted } = writeRandomFile(folder, fileBytes)
  const { origin, lines } = await startExample(t, 'tls-socket/server.mjs', folder)
  const said = once(lines, 'line')
  const socket = connectTls({ port: Number(new URL(origin).port), host: '127.0.0.1', rejectUnauthorized: false })
  const received = await buffer(socket)
  const head = `${fileBytes}\n`
  t.equal(received.subarray(0, head.length).toString(), head)
  t.equal(sha256(received.subarray(head.length)), wanted)
  const [line] = await said
  t.match(JSON.parse(line), { encryption, bytesOffloaded: kernelTls ? fileBytes : 0 })
})

t.test('upload-client', async (t) => {
  const { path, sha256: wanted } = writeRandomFile(temporaryFolder(t), fileBytes)
  const server: Server = createServer(await certificate(), async (incoming, response) => {
    const { size, sha256 } = await sizeAndSha256(incoming)
    response.end(`${incoming.method} ${size} ${sha256}`)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const child = spawn(process.execPath, [projectFile('examples/upload-client/upload.mjs'), path, url], {
    cwd: projectFile(),
    env: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [answer, complaints] = await Promise.all([json(child.stdout), text(child.stderr)])
  t.equal(complaints, '')
  t.match(answer, { status: 200, answer: `PUT ${fileBytes} ${wanted}`, encryption })
})

t.test('cluster', async (t) => {
  const folder = temporaryFolder(t)
  const { name, sha256: wanted } = writeRandomFile(folder, fileBytes)
  const env = { WORKERS: '2' }
  const { origin, lines } = await startExample(t, 'cluster/server.mjs', folder, { env })
  let offloaded = 0
  lines.on('line', (line) => {
    offloaded = JSON.parse(line).bytesOffloaded
  })
  const port = Number(new URL(origin).port)
  const downloads = 4
  for (let i = 0; i < downloads; ++i) {
    const { bytes } = await receive(await request('https', port, { path: `/files/${name}`, agent: false }))
    t.equal(sha256(bytes), wanted)
  }
  if (!kernelTls) return // it says nothing where nothing is offloaded
  while (offloaded < downloads * fileBytes) await once(lines, 'line')
  t.equal(offloaded, downloads * fileBytes)
})
