// Downloads over https without a framework: ranges, so that a broken download is resumed, and conditional requests.

import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:https'
import { basename, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import 'ktls-pipe/register'
import { loadCertificate } from '../express/certificate.mjs'

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

/** The last part of the path, which is all that is served: nothing outside of the folder, and nothing deeper in it. */
function nameIn(url) {
  try {
    return basename(decodeURIComponent(new URL(url, 'https://localhost').pathname))
  } catch {
    return '' // no URL at all, so there is no file of that name
  }
}

/** Undefined: all of it; null: it has no such bytes. One range only (RFC 9110, section 14.2, allows to ignore others). */
function parseRange(header, size) {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === undefined || (first === '' && last === '')) return undefined
  if (first === '') return Number(last) > 0 ? { start: Math.max(0, size - Number(last)), end: size - 1 } : null
  const range = { start: Number(first), end: Math.min(last === '' ? Infinity : Number(last), size - 1) }
  if (last !== '' && Number(last) < range.start) return undefined
  return range.start < size ? range : null
}
