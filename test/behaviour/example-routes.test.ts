// Every route of the Express example, an unchanged application started with the `register` import, over both TLS
// versions and the three ciphers, fetched by clients that are not Node.

import { join } from 'node:path'
import type { Stats } from 'ktls-pipe'
import t, { type Test } from 'tap'
import { type CipherSuite, cipherSuites, curlArguments, suiteName, wgetArguments } from '../support/cipher-suites.js'
import { curl, type Downloaded, summary } from '../support/curl.js'
import { type ExampleApp, startExampleApp } from '../support/example-app.js'
import { type TestFile, temporaryFolder, writeRandomFile } from '../support/files.js'
import { fullRun } from '../support/full-run.js'
import { difference, expectTlsTransfers, kernelTls, tlsTxSw } from '../support/kernel.js'
import { peerCommand } from '../support/peers.js'
import { runWell } from '../support/run-program.js'
import { timeLimitMs } from '../support/time-limit.js'

const routes = ['static', 'send-file', 'download', 'pipe', 'chunked', 'pipeline', 'pipeline-promise', 'zero-copy']
const fileBytes = 600_001

const clients = { curl: fetchByCurl, wget: fetchByWget }
/** wget makes a connection for each file, which an emulated machine takes long for. */
const suitesOf = {
  curl: cipherSuites,
  wget: fullRun || !kernelTls ? cipherSuites : cipherSuites.filter(({ gnutls }) => gnutls === 'AES-256-GCM'),
}

t.setTimeout(timeLimitMs)

t.test('the routes of the Express example', async (t) => {
  const folder = temporaryFolder(t)
  const file = writeRandomFile(folder, fileBytes, 'file.bin')
  const app = await startExampleApp(t, folder)
  const paths = routes.map((route) => `/${route}/${file.name}`)
  // Before its first session the application finds out whether the kernel takes new keys, by one that we do not count.
  await runWell(t, peerCommand('curl'), ['--disable', '-sk', '--fail', '--output', '/dev/null', app.origin + paths[0]])

  for (const client of ['curl', 'wget'] as const) {
    for (const suite of suitesOf[client]) {
      const fetchAll = clients[client]
      await t.test(`${client}, ${suiteName(suite)}`, (t) => checkRoutes(t, { app, file, paths, suite, fetchAll }))
    }
  }
})

interface Check {
  app: ExampleApp
  file: TestFile
  paths: string[]
  suite: CipherSuite
  fetchAll: (t: Test, origin: string, paths: string[], suite: CipherSuite) => Promise<Downloaded[]>
}

async function checkRoutes(t: Test, { app, file, paths, suite, fetchAll }: Check): Promise<void> {
  const before = await readStats(t, app)
  const sessionsBefore = tlsTxSw()
  app.takeRequests()

  const downloaded = await fetchAll(t, app.origin, paths, suite)

  t.same(downloaded, new Array(paths.length).fill({ size: file.size, sha256: file.sha256 }), 'every body is the file')
  const expected = paths.map((url) => ({ url, version: suite.version, cipher: suite.openssl }))
  t.same(app.takeRequests(), expected, 'all of it came over this version and cipher')
  const counted = difference(before, await readStats(t, app))
  expectTlsTransfers(t, counted, paths.length, 'the routes')
  if (kernelTls) {
    t.equal(tlsTxSw() - sessionsBefore, counted.sessions.kernel, 'the kernel counts the same sessions')
    t.ok(counted.sessions.kernel > 0, 'and there are some')
  }
}

async function readStats(t: Test, app: ExampleApp): Promise<Stats> {
  const stdout = await runWell(t, peerCommand('curl'), ['--disable', '-sk', '--fail', `${app.origin}/stats`])
  return JSON.parse(stdout.toString())
}

// One connection for all of them.
async function fetchByCurl(t: Test, origin: string, paths: string[], suite: CipherSuite): Promise<Downloaded[]> {
  const downloads = paths.map((path) => ({ url: origin + path }))
  return await curl(t, downloads, curlArguments(suite))
}

// A connection for each.
async function fetchByWget(t: Test, origin: string, paths: string[], suite: CipherSuite): Promise<Downloaded[]> {
  const folder = temporaryFolder(t)
  await runWell(t, peerCommand('wget'), [
    ...['--no-config', '--no-verbose', '--no-check-certificate', '--no-http-keep-alive', '--tries=1', '--timeout=120'],
    ...['--force-directories', '--no-host-directories', `--directory-prefix=${folder}`],
    ...wgetArguments(suite),
    ...paths.map((path) => origin + path),
  ])
  return await Promise.all(paths.map((path) => summary(join(folder, path))))
}
