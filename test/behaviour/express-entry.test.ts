// `ktls-pipe/express`: files of some routes are offloaded and those of others are not, without install().

import { createReadStream, ReadStream } from 'node:fs'
import { basename, dirname } from 'node:path'
import express from 'express'
import { keepFilesInUserspace, offloadFiles } from 'ktls-pipe/express'
import t from 'tap'
import { sha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { receive, request } from '../support/http-client.js'
import { kernelTls, positive, startCounting } from '../support/kernel.js'
import { startHttps } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

t.setTimeout(timeLimitMs)

t.test('ktls-pipe/express', async (t) => {
  t.equal(Object.hasOwn(ReadStream.prototype, 'pipe'), false, 'nothing is installed')
  const file = writeRandomFile(temporaryFolder(t), 300_001)
  const name = basename(file.path)
  const folder = dirname(file.path)
  const app = express()
  app.use('/offloaded', offloadFiles(), express.static(folder))
  app.get('/piped', offloadFiles(), (_request, response) => {
    createReadStream(file.path).pipe(response)
  })
  app.use('/kept', offloadFiles(), keepFilesInUserspace(), express.static(folder))
  app.use('/plain', express.static(folder))
  const { port } = await startHttps(t, app)

  const unavailable = kernelTls ? {} : { 'kernel-tls-unavailable': 1 }
  const expected: Record<string, { sent: number; reasons: object }> = {
    [`/offloaded/${name}`]: { sent: 1, reasons: unavailable },
    '/piped': { sent: 1, reasons: unavailable },
    [`/kept/${name}`]: { sent: 0, reasons: { 'opted-out': 1 } },
    [`/plain/${name}`]: { sent: 0, reasons: {} },
  }
  for (const [path, { sent, reasons }] of Object.entries(expected)) {
    const count = startCounting()
    const { bytes } = await receive(await request('https', port, { path, agent: false }))
    const { transfers, fallbacks } = count()
    t.equal(sha256(bytes), file.sha256, path)
    t.equal(transfers.tls, kernelTls ? sent : 0, 'by the kernel')
    t.strictSame(positive(fallbacks), reasons)
  }
})
