// OpenSSL has one place for a listener of keys and one for a listener of messages, and others want them too: 'keylog'
// listeners, enableTrace() and the command line's --trace-tls and --tls-keylog. They hear what they heard before, and
// where the package hears no more, the ordinary path has its reason.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { getOffloadState, install, type OffloadState } from 'ktls-pipe'
import t, { type Test } from 'tap'
import { certificate } from '../support/certificate.js'
import { sha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { oneConnection, receive, request } from '../support/http-client.js'
import { kernelTakesNewKeys, kernelTls, reasonOfSession, sessionsCounted, tlsTxSw } from '../support/kernel.js'
import { nextMessage } from '../support/next-message.js'
import { openssl } from '../support/openssl-client.js'
import { projectFile } from '../support/project.js'
import { runWell } from '../support/run-program.js'
import { startHttps } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

t.setTimeout(timeLimitMs)
install({ tls: { minimumBytes: 0 } })

const file = writeRandomFile(temporaryFolder(t), 300_001)
const versions = ['TLSv1.2', 'TLSv1.3'] as const
const offloaded: OffloadState = kernelTls
  ? { encryption: 'kernel', bytesOffloaded: file.size }
  : { encryption: 'userspace', bytesOffloaded: 0, fallbackReason: 'kernel-tls-unavailable' }

// Otherwise the connection ends (docs/fallback-reasons.md, key-spent).
const answersKeyUpdate = !kernelTls || kernelTakesNewKeys

const labels = {
  'TLSv1.2': ['CLIENT_RANDOM'],
  'TLSv1.3': [
    'SERVER_HANDSHAKE_TRAFFIC_SECRET',
    'CLIENT_HANDSHAKE_TRAFFIC_SECRET',
    'EXPORTER_SECRET',
    'SERVER_TRAFFIC_SECRET_0',
    'CLIENT_TRAFFIC_SECRET_0',
  ],
}

for (const version of versions) {
  t.test(`'keylog' listeners before, between and after files, ${version}`, async (t) => {
    const { key, cert } = await certificate()
    const run = async (environment: NodeJS.ProcessEnv) => {
      const env = { ...process.env, ...environment, KEY: key, CERT: cert, FILE: file.path, VERSION: version }
      const node = { command: process.execPath, args: ['--import', 'ktls-pipe/register'], env }
      const printed = await runWell(t, node, [projectFile('test/support/keylog-listeners.mjs')])
      return JSON.parse(printed.toString()) as { heard: Record<string, string[]>; digests: string[] }
    }
    const ordinary = await run({ KTLS_PIPE_DISABLE: '1' })
    const sessionsBefore = tlsTxSw()
    const ours = await run({})
    t.equal(tlsTxSw() - sessionsBefore, sessionsCounted(version, 3), 'all connections were handed over if possible')
    t.same(ours, ordinary, 'each listener heard the same')
    t.same(ours.digests, new Array(5).fill(file.sha256), 'every byte is right')
    const before = ours.heard['server, before a file']
    t.same(before?.sort(), [...labels[version], ...labels[version]].sort(), 'that is, the keys of two connections')
  })
}

t.test("a 'keylog' listener that is added after the hand-over hears the peer's new key", async (t) => {
  const heard: string[] = []
  const finishes: Promise<OffloadState>[] = []
  const { port } = await startHttps(t, ({ socket }, response) => {
    finishes.push(once(response, 'finish').then(() => getOffloadState(response)))
    response.on('finish', () => {
      if (finishes.length === 1) socket.on('keylog', (line: Buffer) => heard.push(String(line).split(' ')[0] as string))
    })
    createReadStream(file.path).pipe(response.setHeader('Content-Length', file.size))
  })
  const client = openssl(port)
  const get = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'
  client.type(get)
  await client.untilPrintedBytes(file.size)
  await finishes[0]
  client.type('K\n')
  await client.untilComplained('KEYUPDATE')
  if (answersKeyUpdate) {
    client.type(get)
    await client.untilPrintedBytes(2 * file.size)
    await Promise.all(finishes) // the server may be told later than the client has it
    client.type('Q\n')
  }
  const { printed } = await client.ended
  const files = answersKeyUpdate ? 2 : 1
  t.equal(printed.toString('latin1').split(readFileSync(file.path, 'latin1')).length - 1, files, 'every byte is right')
  t.same(await Promise.all(finishes), new Array(files).fill(offloaded))
  // OpenSSL does not know the new key of the server any more.
  t.same(heard, ['CLIENT_TRAFFIC_SECRET_N', ...(kernelTls ? [] : ['SERVER_TRAFFIC_SECRET_N'])])
})

interface Traced {
  flags?: string[]
  environment?: NodeJS.ProcessEnv
  paths: string[]
  states: OffloadState[]
}

const traces: Record<string, Traced> = {
  'none, to compare': { paths: ['/', '/'], states: [offloaded, offloaded] },
  "the server's option": { environment: { TRACE: '1' }, paths: ['/'], states: [declined('session-not-tracked')] },
  '--trace-tls': { flags: ['--trace-tls'], paths: ['/'], states: [declined('session-not-tracked')] },
  'enableTrace() between request and file': {
    paths: ['/traced-silently', '/'],
    states: [declined('session-inconsistent'), declined('session-inconsistent')],
  },
  'enableTrace() after a file': { paths: ['/traced-later', '/'], states: [offloaded, offloaded] },
}

for (const [name, traced] of Object.entries(traces)) {
  t.test(`a trace: ${name}`, async (t) => {
    const stderr = await serveTraced(t, traced)
    const records = stderr.match(/^Received (TLS )?Record$/gm)?.length ?? 0
    if (name === 'none, to compare') t.equal(records, 0, 'nothing is traced')
    else t.ok(records > 0, 'what the clients send is traced')
  })
}

t.test('--tls-keylog', async (t) => {
  const keys = join(temporaryFolder(t), 'keys')
  await serveTraced(t, { flags: [`--tls-keylog=${keys}`], paths: ['/', '/'], states: [offloaded, offloaded] })
  const lines = readFileSync(keys, 'utf8').trimEnd().split('\n')
  const expected = [...labels['TLSv1.2'], ...labels['TLSv1.3']].sort()
  t.same(lines.map((line) => line.split(' ')[0]).sort(), expected, 'all keys are in the file')
})

function declined(fallbackReason: 'session-not-tracked' | 'session-inconsistent'): OffloadState {
  return { encryption: 'userspace', bytesOffloaded: 0, fallbackReason: reasonOfSession(fallbackReason) }
}

/** Fetches the paths from a server of its own, over a connection of each version; answers with what it said to stderr. */
async function serveTraced(t: Test, traced: Traced): Promise<string> {
  const { key, cert } = await certificate()
  const server = spawn(process.execPath, [...(traced.flags ?? []), projectFile('test/support/traced-server.mjs')], {
    env: { ...process.env, ...traced.environment, KEY: key, CERT: cert, FILE: file.path },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const ended = once(server, 'exit')
  const stderr = text(server.stderr as NodeJS.ReadableStream)
  const { port } = await nextMessage<{ port: number }>(server)
  for (const version of versions) {
    const agent = oneConnection('https')
    const states: OffloadState[] = []
    for (const path of traced.paths) {
      const answered = nextMessage<{ state: OffloadState }>(server)
      const options = { agent, path, minVersion: version, maxVersion: version }
      const { bytes } = await receive(await request('https', port, options))
      t.equal(sha256(bytes), file.sha256, `every byte is right, ${version}`)
      states.push((await answered).state)
    }
    t.same(states, traced.states, version)
    agent.destroy()
  }
  server.disconnect()
  t.same(await ended, [0, null], 'the server ends well')
  return await stderr
}
