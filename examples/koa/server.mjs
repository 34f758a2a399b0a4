// Downloads by Koa. The package is asked for by this app alone, and by /private/ not at all: the rest of the process stays
// as it is.

import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:https'
import { join, resolve } from 'node:path'
import Koa from 'koa'
import { getOffloadState } from 'ktls-pipe'
import { keepFilesInUserspace, offloadFiles } from 'ktls-pipe/koa'
import { nameIn, parseRange } from '../download-server/file-request.mjs'
import { loadCertificate } from '../express/certificate.mjs'

const folder = resolve(process.env.FILES_DIRECTORY ?? join(import.meta.dirname, '../express/files'))
const optOut = keepFilesInUserspace()
const goneCodes = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'])

const app = new Koa()
app.use((ctx, next) => {
  ctx.res.on('close', () => {
    console.log(JSON.stringify({ path: ctx.path, status: ctx.status, ...getOffloadState(ctx.res) }))
  })
  return next()
})
app.use(offloadFiles())
app.use((ctx, next) => (ctx.path.startsWith('/private/') ? optOut(ctx, next) : next()))
app.use(async (ctx) => {
  if (ctx.method !== 'GET' && ctx.method !== 'HEAD') return ctx.throw(405, { headers: { Allow: 'GET, HEAD' } })
  const path = join(folder, nameIn(ctx.url))
  const { size } = await statFile(path)
  const range = parseRange(ctx.get('Range'), size)
  if (range === null) return ctx.throw(416, { headers: { 'Content-Range': `bytes */${size}` } })
  ctx.set('Accept-Ranges', 'bytes')
  ctx.body = createReadStream(path, range)
  ctx.length = range === undefined ? size : range.end - range.start + 1
  if (range === undefined) return
  ctx.status = 206
  ctx.set('Content-Range', `bytes ${range.start}-${range.end}/${size}`)
})
app.on('error', (error) => {
  // Who downloads may go at any time, with the last byte even before Node knows that it was the last.
  if (!goneCodes.has(error.code)) app.onerror(error)
})

const server = createServer(await loadCertificate(), app.callback())
server.listen(Number(process.env.PORT ?? 8443), '127.0.0.1', () => {
  console.log(`listening on https://localhost:${server.address().port}`)
})

async function statFile(path) {
  const found = await stat(path).catch((error) => {
    if (error.code !== 'ENOENT') throw error
  })
  if (!found?.isFile()) throw Object.assign(new Error('no such file'), { status: 404 })
  return found
}
