// How much of a large file still arrives after the application has stopped it: no more than the range that was under way
// (docs/differences.md).

import { once } from 'node:events'
import { createReadStream, type ReadStream } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { install } from 'ktls-pipe'
import t, { type Test } from 'tap'
import { temporaryFolder, writeSparseFile } from '../support/files.js'
import { request, type Scheme } from '../support/http-client.js'
import { kernelTls, startCounting } from '../support/kernel.js'
import { startHttp, startHttps } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

const fileBytes = 2 ** 30
/** Of the first range, and of one that follows many that were sent at once. */
const rangeBytes = { first: 8 * 2 ** 20, largest: 64 * 2 ** 20 }

t.setTimeout(timeLimitMs)
install()

const path = writeSparseFile(temporaryFolder(t), fileBytes, [])

const stops: Record<string, (source: ReadStream, response: ServerResponse) => void> = {
  unpipe: (source, response) => source.unpipe(response),
  'destroy of the source': (source) => source.destroy(),
  pause: (source) => source.pause(),
}

for (const scheme of ['http', 'https'] as const) {
  for (const [name, stop] of Object.entries(stops)) {
    t.test(`${scheme}, ${name}`, async (t) => {
      const { sentBefore, arrived } = await stopped(t, scheme, stop, 1)
      t.ok(arrived < fileBytes, 'it stops')
      t.ok(arrived - sentBefore <= rangeBytes.first, 'a range at most', { sentBefore, arrived })
    })
    t.test(`${scheme}, ${name}, in the middle of the file`, async (t) => {
      const { sentBefore, arrived } = await stopped(t, scheme, stop, fileBytes / 2)
      t.ok(arrived < fileBytes, 'it stops')
      t.ok(arrived - sentBefore <= rangeBytes.largest, 'a range at most', { sentBefore, arrived })
    })
  }
}

/** How much of the file was sent when it was stopped, as so much had arrived, and how much has arrived in the end. */
async function stopped(
  t: Test,
  scheme: Scheme,
  stop: (source: ReadStream, response: ServerResponse) => void,
  afterBytes: number,
) {
  const count = startCounting()
  const source = createReadStream(path)
  let sentBefore = 0
  let stopNow = () => {}
  const listener = (_request: unknown, response: ServerResponse) => {
    source.pipe(response)
    stopNow = () => {
      sentBefore = source.bytesRead
      stop(source, response)
      response.end()
    }
  }
  const { port } = scheme === 'https' ? await startHttps(t, listener) : await startHttp(t, listener)
  const incoming = await request(scheme, port)
  let arrived = 0
  incoming.on('data', (chunk: Buffer) => {
    if (arrived < afterBytes && arrived + chunk.length >= afterBytes) stopNow()
    arrived += chunk.length
  })
  await once(incoming, 'end')
  source.destroy()
  const { transfers } = count()
  t.equal(transfers.tls + transfers.tcp, scheme === 'http' || kernelTls ? 1 : 0, `${scheme}: offloaded`)
  return { sentBefore, arrived }
}
