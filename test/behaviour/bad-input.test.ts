// Sources and destinations that cannot work: with the package they show exactly what plain Node shows. Each case runs
// twice, by core's own pipe() and by ours, and what was seen of source, response and client must be the same.

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import fs, { createReadStream, type ReadStream } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { install } from 'ktls-pipe'
import t, { type Test } from 'tap'
import { sha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { receive, request, type Scheme } from '../support/http-client.js'
import { startHttp, startHttps } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

interface Case {
  source: () => ReadStream
  before?: (source: ReadStream, response: ServerResponse) => unknown
  after?: (source: ReadStream, response: ServerResponse) => unknown
}

t.setTimeout(timeLimitMs)
install({ tls: { minimumBytes: 0 }, tcp: { minimumBytes: 0 } })

const folder = temporaryFolder(t)
const file = writeRandomFile(folder, 200_000)
const fifo = join(folder, 'fifo')
execFileSync('mkfifo', [fifo])
const unreadable = join(folder, 'unreadable')
fs.writeFileSync(unreadable, 'secret', { mode: 0o000 })

const cases: Record<string, Case> = {
  'an ordinary file': { source: () => createReadStream(file.path) },
  'a missing file': { source: () => createReadStream(join(folder, 'missing')) },
  'a file that may not be read': { source: () => createReadStream(unreadable) },
  'a directory': { source: () => createReadStream(folder) },
  'a file of /proc': { source: () => createReadStream('/proc/version') },
  'a file of /sys, whose size is nominal': {
    source: () => createReadStream('/sys/kernel/mm/transparent_hugepage/enabled'),
  },
  'a FIFO': {
    source: () => createReadStream(fifo),
    before: () => fs.writeFile(fifo, 'through the pipe', () => {}),
  },
  'a descriptor that is not open': { source: () => createReadStream('', { fd: 1_000_000 }) },
  'a source that is destroyed before': {
    source: () => createReadStream(file.path),
    before: (source) => source.destroy(),
  },
  'a source that is destroyed with an error after': {
    source: () => createReadStream(file.path),
    after: (source) => source.destroy(Object.assign(new Error('enough'), { code: 'ENOUGH' })),
  },
  'a source that was read to its end': {
    source: () => createReadStream(file.path),
    before: (source) => once(source.resume(), 'close'),
  },
  'a response that is destroyed before': {
    source: () => createReadStream(file.path),
    before: (_source, response) => response.destroy(),
  },
  'a response that is ended before': {
    source: () => createReadStream(file.path),
    before: (_source, response) => response.end('short'),
  },
  'a response that is destroyed after': {
    source: () => createReadStream(file.path),
    after: (_source, response) => response.destroy(),
  },
}

const pipes = {
  core: (source: ReadStream, response: ServerResponse) => Readable.prototype.pipe.call(source, response),
  own: (source: ReadStream, response: ServerResponse) => source.pipe(response),
}

for (const scheme of ['http', 'https'] as const) {
  t.test(scheme, async (t) => {
    for (const [name, own] of Object.entries(cases)) {
      const expected = await observe(t, scheme, own, pipes.core)
      const seen = await observe(t, scheme, own, pipes.own)
      t.same(seen, expected, name)
      t.ok(expected.events.length > 1, `${name}: something was there to be seen`)
    }
  })
}

/** What a program can see of one pipe, in its order for each of the two objects. */
async function observe(t: Test, scheme: Scheme, { source: open, before, after }: Case, pipe: typeof pipes.core) {
  const events: string[] = []
  const listen = (name: string, object: NodeJS.EventEmitter, watched: string[]) => {
    for (const event of watched) {
      object.on(event, (argument) => events.push(`${name} ${event} ${errorCode(argument)}`.trim()))
    }
  }
  const listener = async (response: ServerResponse) => {
    const source = open()
    listen('source', source, ['open', 'end', 'error', 'close'])
    listen('response', response, ['pipe', 'unpipe', 'finish', 'error', 'close'])
    const closed = new Promise<void>((resolve) => source.once('close', () => resolve()))
    const unpiped = new Promise<void>((resolve) => response.once('unpipe', () => resolve()))
    const ready = before?.(source, response)
    if (ready instanceof Promise) await ready // and otherwise pipe in the same tick
    pipe(source, response)
    after?.(source, response)
    await Promise.race([closed, unpiped])
    // Plain Node leaves a source open whose response has failed, and the other way round.
    if (!response.writableEnded) response.destroy()
    source.destroy()
    await closed
  }
  const start = scheme === 'https' ? startHttps : startHttp
  let settled: Promise<unknown> | undefined
  const { port, server } = await start(t, (_request, response) => {
    const closed = new Promise((resolve) => response.once('close', resolve))
    settled = Promise.all([closed, listener(response)])
  })
  const answer = await request(scheme, port).then(receive, (error: NodeJS.ErrnoException) => error.code)
  await settled
  server.close()
  const client =
    typeof answer === 'object' ? { aborted: answer.aborted, body: sha256(answer.bytes).slice(0, 8) } : answer
  const of = (name: string) => events.filter((event) => event.startsWith(name))
  return { events: [...of('source'), ...of('response')], client }
}

function errorCode(argument: unknown): string {
  return argument instanceof Error ? ((argument as NodeJS.ErrnoException).code ?? argument.message) : ''
}
