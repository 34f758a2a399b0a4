// The recipes for Prometheus and OpenTelemetry: what they tell is what was sent.

import { once } from 'node:events'
import t, { type Test } from 'tap'
import { startExample } from '../support/example-app.js'
import { sha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { receive, request } from '../support/http-client.js'
import { kernelTls } from '../support/kernel.js'
import { timeLimitMs } from '../support/time-limit.js'

const fileBytes = 2_000_003
const smallBytes = 100
const fallbacks: readonly [string, number][] = [
  ['below-minimum-size', 1],
  ['kernel-tls-unavailable', kernelTls ? 0 : 1],
]

t.setTimeout(timeLimitMs)

async function get(origin: string, path: string): Promise<Buffer> {
  const { bytes } = await receive(await request('https', Number(new URL(origin).port), { path, agent: false }))
  return bytes
}

/** One file that is large enough, and one that is not. */
async function download(t: Test, origin: string, folder: string): Promise<void> {
  for (const size of [fileBytes, smallBytes]) {
    const file = writeRandomFile(folder, size)
    t.equal(sha256(await get(origin, `/files/${file.name}`)), file.sha256, file.name)
  }
}

t.test('prometheus', async (t) => {
  const folder = temporaryFolder(t)
  const { origin } = await startExample(t, 'prometheus/server.mjs', folder)
  const samples = async () => {
    const text = (await get(origin, '/metrics')).toString()
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]))
  }
  t.equal((await samples()).get('ktls_pipe_bytes_total{engine="tls"}'), 0)
  await download(t, origin, folder)
  for (const round of ['once', 'again, and nothing is counted twice']) {
    const seen = await samples()
    t.equal(seen.get('ktls_pipe_bytes_total{engine="tls"}'), kernelTls ? fileBytes : 0, round)
    t.equal(seen.get('ktls_pipe_transfers_total{engine="tls"}'), kernelTls ? 1 : 0, round)
    t.equal(seen.get('ktls_pipe_sessions_total{encryption="kernel"}'), kernelTls ? 1 : 0, round)
    t.equal(seen.get('ktls_pipe_active_transfers'), 0, round)
    t.equal(seen.get('ktls_pipe_failures_total{kind="transfer"}'), 0, round)
    for (const [reason, count] of fallbacks) {
      t.equal(seen.get(`ktls_pipe_fallbacks_total{reason="${reason}"}`) ?? 0, count, `${reason}, ${round}`)
    }
  }
})

t.test('opentelemetry', async (t) => {
  const folder = temporaryFolder(t)
  const env = { OTEL_METRIC_EXPORT_INTERVAL: '200' }
  const { origin, lines } = await startExample(t, 'opentelemetry/server.mjs', folder, { env })
  let printed = ''
  lines.on('line', (line) => {
    printed += `${line}\n`
  })
  await download(t, origin, folder)
  printed = ''
  // The first export that ends from now on may have begun before; the second is all of it after.
  const complete = () => /name: 'ktls_pipe\.active_transfers'[\s\S]*name: 'ktls_pipe\.active_transfers'/.test(printed)
  while (!complete()) await once(lines, 'line')
  const value = (metric: string, label: string) => {
    const second = printed.slice(printed.indexOf("name: 'ktls_pipe.active_transfers'"))
    const part = second.slice(second.indexOf(`name: '${metric}'`))
    return Number(new RegExp(`${label}[\\s\\S]*?value: (\\d+)`).exec(part)?.[1])
  }
  t.equal(value('ktls_pipe.bytes', "engine: 'tls'"), kernelTls ? fileBytes : 0)
  t.equal(value('ktls_pipe.sessions', "encryption: 'kernel'"), kernelTls ? 1 : 0)
  for (const [reason, count] of fallbacks) {
    if (count > 0) t.equal(value('ktls_pipe.fallbacks', `reason: '${reason}'`), count, reason)
  }
})

t.test(
  'opentelemetry: a span for each file that is offloaded',
  { skip: !kernelTls && 'this kernel has no TLS' },
  async (t) => {
    const folder = temporaryFolder(t)
    const { origin, lines } = await startExample(t, 'opentelemetry/server.mjs', folder)
    let printed = ''
    lines.on('line', (line) => {
      printed += `${line}\n`
    })
    await download(t, origin, folder)
    while (!/'ktls_pipe\.bytes': \d+/.test(printed)) await once(lines, 'line')
    t.match(printed, /name: 'ktls-pipe transfer'/)
    t.match(printed, /'ktls_pipe\.engine': 'tls'/)
    t.match(printed, new RegExp(`'ktls_pipe\\.bytes': ${fileBytes}`))
  },
)
