// Uploads a file by https: what a client writes is encrypted by its kernel, too.
//
//   node examples/upload-client/upload.mjs FILE URL

import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import 'ktls-pipe/register'
import { getOffloadState } from 'ktls-pipe'

const [path, url] = process.argv.slice(2)
if (path === undefined || url === undefined) {
  console.error('usage: upload.mjs FILE URL')
  process.exit(2)
}
const { size } = await stat(path)
const upload = request(url, { method: 'PUT', headers: { 'Content-Length': size } })
const answered = new Promise((resolve, reject) => upload.on('response', resolve).on('error', reject))
await pipeline(createReadStream(path), upload)
const response = await answered
console.log(JSON.stringify({ status: response.statusCode, answer: await text(response), ...getOffloadState(upload) }))
