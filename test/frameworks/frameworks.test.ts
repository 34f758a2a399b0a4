// Frameworks, file servers and middleware as they are installed, each with and without the package: the answers are the
// same, and with kernel TLS the counters tell which of them the kernel sent. docs/frameworks.md holds that table.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { sha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { receive, request } from '../support/http-client.js'
import { kernelTls, positive, type StatsDifference } from '../support/kernel.js'
import { projectFile } from '../support/project.js'
import { timeLimitMs } from '../support/time-limit.js'
import { type Player, type StartedApp, startPlayer } from './start-player.js'
import { formatTable, type Row, tableOf, withTable } from './table.js'

const families = ['express', 'send', 'koa', 'fastify', 'servers', 'middleware', 'telemetry', 'file-systems', 'next']
const document = projectFile('docs', 'frameworks.md')
const film = 'film.mp4'
const filmBytes = 2_000_000

t.setTimeout(timeLimitMs)

t.test('frameworks', async (t) => {
  const folder = temporaryFolder(t)
  const [files, scratch] = [join(folder, 'files'), join(folder, 'scratch')]
  for (const path of [files, scratch]) mkdirSync(path)
  const { sha256: filmSha256 } = writeRandomFile(files, filmBytes, film)
  writeFileSync(join(files, 'text.txt'), 'Compressible.\n'.repeat(40_000))

  const rows: Row[] = []
  for (const family of families) {
    await t.test(family, async (t) => {
      const start = (withPackage: boolean) => startPlayer(t, family, { files, scratch, withPackage })
      const plain = await playAll(await start(false))
      const ours = await playAll(await start(true))
      const whole = plain.filter(({ answer }) => answer.status === 200 && answer.sha256 === filmSha256)
      t.ok(whole.length > 0, 'the film is served')
      for (const { app, answer } of plain) t.ok((answer.status ?? 500) < 400, `${app.what}: status ${answer.status}`)
      t.equal(ours.length, plain.length)
      for (const [index, { app, answer, row }] of ours.entries()) {
        t.same(answer, plain[index]?.answer, `${app.packages[0]?.name}: ${app.what}`)
        if (row !== undefined) rows.push(row)
      }
    })
  }

  const measured = formatTable(rows)
  if (!kernelTls) return t.comment('without kernel TLS there is nothing to count')
  if (process.env.KTLS_PIPE_WRITE_DOCS === '1')
    writeFileSync(document, withTable(readFileSync(document, 'utf8'), measured))
  t.equal(tableOf(readFileSync(document, 'utf8')), measured, 'docs/frameworks.md: `npm run docs:frameworks` mends it')
})

interface Answer {
  status: number | undefined
  headers: Record<string, unknown>
  bodyBytes: number
  sha256: string
  aborted: boolean
}

interface Played {
  app: StartedApp
  answer: Answer
  row: Row | undefined
}

async function playAll(player: Player): Promise<Played[]> {
  const played: Played[] = []
  for (const app of player.apps) {
    const etag = app.isConditional ? await etagOf(app) : undefined
    const count = await player.startCounting()
    const answer = await ask(app, etag === undefined ? {} : { 'if-none-match': etag })
    played.push({ app, answer, row: count && rowOf(app, answer.bodyBytes, await count()) })
  }
  await player.stop()
  return played
}

function get({ port, file = film, headers }: StartedApp, more: Record<string, string> = {}): Promise<IncomingMessage> {
  return request('https', port, { path: `/${file}`, agent: false, headers: { ...headers, ...more } })
}

async function etagOf(app: StartedApp): Promise<string> {
  const incoming = await get(app)
  await receive(incoming)
  return String(incoming.headers.etag)
}

/** What a client sees, without what differs from answer to answer. */
async function ask(app: StartedApp, headers: Record<string, string>): Promise<Answer> {
  const incoming = await get(app, headers)
  const { bytes, aborted } = await receive(incoming)
  const headersSeen: Record<string, unknown> = { ...incoming.headers }
  for (const name of ['date', ...(app.varying ?? [])]) {
    if (headersSeen[name] !== undefined) headersSeen[name] = 'varies'
  }
  return { status: incoming.statusCode, headers: headersSeen, bodyBytes: bytes.length, sha256: sha256(bytes), aborted }
}

function rowOf(app: StartedApp, bodyBytes: number, { transfers, fallbacks }: StatsDifference): Row {
  const reasons = Object.keys(positive(fallbacks))
  const packages = app.packages.map(({ name, version }) => `${name} ${version}`).join(', ')
  return { packages, what: app.what, sent: transfers.tls, bodyBytes, reasons }
}
