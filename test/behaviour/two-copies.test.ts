// A program that imports the package and a dependency that requires it: two copies in one thread, on one connection.

import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { createRequire } from 'node:module'
import { createZeroCopyPipe, getOffloadState, getStats, install } from 'ktls-pipe'
import t from 'tap'
import { sha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { oneConnection, receive, request } from '../support/http-client.js'
import { kernelTls } from '../support/kernel.js'
import { startHttp, startHttps } from '../support/servers.js'
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
