// Downloads over https without a framework: ranges, so that a broken download is resumed, and conditional requests.

import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:https'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import 'ktls-pipe/register'
import { loadCertificate } from '../express/certificate.mjs'
import { nameIn, parseRange } from './file-request.mjs'

const folder = resolve(process.env.FILES_DIRECTORY ?? join(import.meta.dirname, '../express/files'))

const server = createServer(await loadCertificate(), async (request, response) => {
  try {
    await answer(request, response)
  } catch (error) {
    if (error.code === 'ENOENT') response.writeHead(404).end()
    else response.destroy(error) // too late to say anything, or nobody is there
  }
})
server.listen(Number(process.env.PORT ?? 8443), '127.0.0.1', () => {
  console.log(`listening on https://localhost:${server.address().port}`)
})

async function answer(request, response) {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return response.writeHead(405, { Allow: 'GET, HEAD' }).end()
  const path = join(folder, nameIn(request.url))
  const stats = await stat(path)
  if (!stats.isFile()) return response.writeHead(404).end()
  const { size, mtimeMs } = stats
  const tag = `"${size.toString(36)}-${Math.trunc(mtimeMs).toString(36)}"`
  response.setHeader('ETag', tag).setHeader('Accept-Ranges', 'bytes')
  if (request.headers['if-none-match'] === tag) return response.writeHead(304).end()

  // A resumed download names the file it began with; of another one it has to have the whole.
  const isSame = [undefined, tag].includes(request.headers['if-range'])
  const range = isSame ? parseRange(request.headers.range, size) : undefined
  if (range === null) return response.writeHead(416, { 'Content-Range': `bytes */${size}` }).end()
  const { start, end } = range ?? { start: 0, end: size - 1 }
  if (range !== undefined) response.setHeader('Content-Range', `bytes ${start}-${end}/${size}`)
  response.writeHead(range === undefined ? 200 : 206, { 'Content-Length': end - start + 1 })
  if (request.method === 'HEAD' || size === 0) return response.end()
  await pipeline(createReadStream(path, { start, end }), response)
}
