// What the Express example shows beside its files: the log and the live page's events.

import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t from 'tap'
import { startExample } from '../support/example-app.js'
import { temporaryFolder, writeRandomFile } from '../support/files.js'
import { receive, request } from '../support/http-client.js'
import { kernelTls } from '../support/kernel.js'
import { timeLimitMs } from '../support/time-limit.js'

const fileBytes = 2_000_003
const imports = ['ktls-pipe/register']

t.setTimeout(timeLimitMs)

t.test('KTLS_PIPE_LOG=1: a line for each file', async (t) => {
  const folder = temporaryFolder(t)
  const large = writeRandomFile(folder, fileBytes)
  const small = writeRandomFile(folder, 100)
  const { origin, nextComplaint } = await startExample(t, 'express/server.mjs', folder, {
    imports,
    env: { KTLS_PIPE_LOG: '1' },
  })
  t.equal(await nextComplaint(), 'ktls-pipe: installed: tries kernel TLS from 65536 bytes, sendfile from 98304 bytes')
  const { port } = new URL(origin)
  for (const [{ name, path }, how] of [
    [large, kernelTls ? `${fileBytes} bytes by kernel TLS` : 'by Node (kernel-tls-unavailable)'],
    [small, 'by Node (below-minimum-size)'],
  ] as const) {
    await receive(await request('https', Number(port), { path: `/static/${name}`, agent: false }))
    t.equal(await nextComplaint(), `ktls-pipe: ${path}: ${how}`)
  }
})

t.test('/status', async (t) => {
  const folder = temporaryFolder(t)
  const { name } = writeRandomFile(folder, fileBytes)
  const { origin } = await startExample(t, 'express/server.mjs', folder, { imports })
  const port = Number(new URL(origin).port)
  const page = await receive(await request('https', port, { path: '/status/', agent: false }))
  t.match(page.bytes.toString(), /^<!doctype html>/)

  const response = await request('https', port, { path: '/status/events', agent: false })
  t.match(response.headers['content-type'], /^text\/event-stream\b/)
  const events = createInterface(response)
  const next = async () => {
    for (;;) {
      const [line] = (await once(events, 'line')) as [string]
      if (line.startsWith('data: ')) return JSON.parse(line.slice('data: '.length))
    }
  }
  const first = await next()
  t.equal(first.bytes.tls, 0)
  t.strictSame(first.fallbacks, {})
  await receive(await request('https', port, { path: `/static/${name}`, agent: false }))
  const expected = kernelTls ? { bytes: { tls: fileBytes } } : { fallbacks: { 'kernel-tls-unavailable': 1 } }
  let last = await next()
  while (last.bytes.tls === 0 && Object.keys(last.fallbacks).length === 0) last = await next()
  t.match(last, expected)
  response.destroy()
})
