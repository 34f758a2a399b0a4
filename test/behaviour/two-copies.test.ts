// A program that imports the package and a dependency that requires it: two copies in one thread, on one connection. Of
// another version even the addon may be there twice.

import { once } from 'node:events'
import { copyFileSync, createReadStream } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import tls from 'node:tls'
import { createZeroCopyPipe, getOffloadState, getStats, install } from 'ktls-pipe'
import t from 'tap'
import type { NativeBinding } from '../../src/native/binding.js'
import { sha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { oneConnection, receive, request } from '../support/http-client.js'
import { kernelTls } from '../support/kernel.js'
import { projectFile } from '../support/project.js'
import { startHttp, startHttps, startTls } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

const required = createRequire(import.meta.url)('ktls-pipe') as typeof import('ktls-pipe')
const fileBytes = 700_001

t.setTimeout(timeLimitMs)
install()

for (const scheme of ['https', 'http'] as const) {
  t.test(`${scheme}: each takes over what the other has begun`, async (t) => {
    t.not(required.createZeroCopyPipe, createZeroCopyPipe, 'there are two')
    const file = writeRandomFile(temporaryFolder(t), fileBytes)
    const ways: Record<string, (response: NodeJS.WritableStream) => NodeJS.WritableStream> = {
      '/intercepted': (response) => response,
      '/required': required.createZeroCopyPipe,
      '/imported': createZeroCopyPipe,
    }
    const offloaded: Promise<number>[] = []
    const start = scheme === 'https' ? startHttps : startHttp
    const { port } = await start(t, ({ url = '' }, response) => {
      const finished = async () => {
        await once(response, 'finish')
        const state = required.getOffloadState(response)
        t.same(getOffloadState(response), state)
        return state.bytesOffloaded
      }
      offloaded.push(finished())
      const destination = ways[url]?.(response)
      if (destination !== undefined) createReadStream(file.path).pipe(destination)
    })
    const agent = oneConnection(scheme)
    t.teardown(() => agent.destroy())
    const paths = ['/intercepted', '/required', '/imported', '/required', '/intercepted']
    for (const path of paths) {
      const { bytes } = await receive(await request(scheme, port, { agent, path }))
      t.equal(sha256(bytes), file.sha256, path)
    }
    const expected = scheme === 'https' && !kernelTls ? 0 : fileBytes
    t.same(await Promise.all(offloaded), Array(paths.length).fill(expected))
    t.same(required.getStats(), getStats())
  })
}

t.test('two addons, each of which puts itself in front of what is there, connection by connection', async (t) => {
  const folder = temporaryFolder(t)
  const prototype = tls.TLSSocket.prototype as unknown as { _init: (...parameters: unknown[]) => unknown }
  const { _init: before } = prototype
  t.teardown(() => {
    prototype._init = before
  })
  const { port } = await startTls(t, (socket) => socket.end('over'))
  for (const name of ['first.node', 'second.node']) {
    const path = join(folder, name)
    copyFileSync(projectFile('native', 'build', 'Release', 'ktls.node'), path)
    const addon = createRequire(import.meta.url)(path) as NativeBinding
    t.same(addon.missingOpenSslFunctions(), [])
    t.ok(addon.startTracking())
    t.teardown(() => addon.stopTracking())
    const { _init: next } = prototype
    prototype._init = function (...parameters) {
      addon.adoptLatestSession()
      return Reflect.apply(next, this, parameters)
    }
  }
  for (let i = 0; i < 3; ++i) {
    const client = tls.connect({ port, rejectUnauthorized: false })
    let text = ''
    for await (const chunk of client) text += chunk
    t.equal(text, 'over')
  }
})
