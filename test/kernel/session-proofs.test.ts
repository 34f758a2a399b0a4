// A session is handed over only where key and sequence number are proven. Here somebody else takes OpenSSL's callbacks in
// the middle of it, so that a record or a key change goes uncounted: the ordinary path carries on, and what is on the
// wire can be read.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, readFileSync } from 'node:fs'
import { getOffloadState, install, type OffloadState, type Stats } from 'ktls-pipe'
import t, { type Test } from 'tap'
import { certificate } from '../support/certificate.js'
import { curl } from '../support/curl.js'
import { sha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { onlyWithKernelTls, startCounting } from '../support/kernel.js'
import { nextMessage } from '../support/next-message.js'
import { openssl } from '../support/openssl-client.js'
import { projectFile } from '../support/project.js'
import { startHttps } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

const fileBytes = 300_000
const inconsistent: OffloadState = {
  encryption: 'userspace',
  bytesOffloaded: 0,
  fallbackReason: 'session-inconsistent',
}

t.setTimeout(timeLimitMs)
install({ tls: { minimumBytes: 0 } })

interface Answered {
  stats: Stats
  state: OffloadState
}

t.test('a record that was not counted', onlyWithKernelTls, async (t) => {
  const file = writeRandomFile(temporaryFolder(t), fileBytes)
  const { server, port } = await startTracedServer(t, file.path)
  const answers: Answered[] = []
  server.on('message', (answer) => answers.push(answer as Answered))
  const fetch = async (t: Parameters<typeof curl>[0], path: string, version: string) => {
    const answered = once(server, 'message')
    const [received] = await curl(t, [{ url: `https://127.0.0.1:${port}${path}` }], ['--tls-max', version])
    await answered
    return received?.sha256
  }

  for (const version of ['1.2', '1.3']) {
    await t.test(`TLS ${version}`, async (t) => {
      t.equal(await fetch(t, '/untouched', version), file.sha256)
      t.same(answers.pop()?.state, { encryption: 'kernel', bytesOffloaded: fileBytes }, 'otherwise it is handed over')
      const expected = sha256('x', readFileSync(file.path))
      t.equal(await fetch(t, '/traced', version), expected, 'every byte is right')
      const answer = answers.pop()
      t.same(answer?.state, inconsistent, 'and none was offloaded')
      t.match(answer?.stats.fallbacks, { 'session-inconsistent': Number })
    })
  }
})

t.test('a record that was read and not counted', onlyWithKernelTls, async (t) => {
  const file = writeRandomFile(temporaryFolder(t), fileBytes)
  const { server, port } = await startTracedServer(t, file.path, { WORDS: '1' })
  const told = async () => (await once(server, 'message'))[0] as Answered

  // Nothing is written between the callback's loss and the file.
  for (const version of ['-tls1_2', '-tls1_3']) {
    for (const traced of [false, true]) {
      await t.test(`${version}, ${traced ? 'with a trace' : 'without one it is handed over'}`, async (t) => {
        const client = openssl(port, [version])
        if (traced) {
          const tracing = told()
          client.type('trace\n')
          await tracing
        }
        const answered = told()
        client.type('file\n')
        const { code, printed } = await client.ended
        t.equal(code, 0, 'the client could read everything')
        t.equal(sha256(printed), file.sha256, 'every byte is right')
        const handedOver: OffloadState = { encryption: 'kernel', bytesOffloaded: fileBytes }
        t.same((await answered).state, traced ? inconsistent : handedOver)
      })
    }
  }
})

t.test('a key change that was not seen', onlyWithKernelTls, async (t) => {
  const { path } = writeRandomFile(temporaryFolder(t), fileBytes)
  const content = readFileSync(path)
  const states: OffloadState[] = []
  const { port } = await startHttps(t, (request, response) => {
    if (request.url === '/small') {
      // Node puts a key log callback of its own into the context, where ours was.
      request.socket.on('keylog', () => {})
      response.end('small')
      return
    }
    response.setHeader('Content-Length', content.length)
    response.on('finish', () => states.push(getOffloadState(response)))
    createReadStream(path).pipe(response)
  })

  for (const keyUpdate of [false, true]) {
    await t.test(keyUpdate ? 'with a KeyUpdate' : 'without one it is handed over', async (t) => {
      const count = startCounting()
      const client = openssl(port)
      client.type('GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n')
      await client.untilPrinted('small')
      if (keyUpdate) {
        client.type('K\n')
        await client.untilComplained('KEYUPDATE')
      }
      client.type('GET /file HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
      const { code, printed } = await client.ended
      t.equal(code, 0, 'the client could read everything')
      t.ok(printed.includes(content), 'every byte is right')
      const { sessions, fallbacks } = count()
      if (keyUpdate) {
        t.same(states.pop(), inconsistent)
        t.equal(fallbacks['session-inconsistent'], 1)
        t.same(sessions, { tracked: 1, kernel: 0, refused: 1 })
      } else {
        t.same(states.pop(), { encryption: 'kernel', bytesOffloaded: content.length })
      }
    })
  }
})

async function startTracedServer(t: Test, file: string, environment: NodeJS.ProcessEnv = {}) {
  const { key, cert } = await certificate()
  const server = spawn(process.execPath, [projectFile('test/support/traced-server.mjs')], {
    env: { ...process.env, ...environment, KEY: key, CERT: cert, FILE: file },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  t.teardown(async () => {
    server.kill()
    await once(server, 'exit')
  })
  const { port } = await nextMessage<{ port: number }>(server)
  return { server, port }
}
