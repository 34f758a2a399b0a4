// A protocol of one's own over node:tls: whoever connects gets the file, behind a line that says how long it is.

import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createServer } from 'node:tls'
import { createZeroCopyPipe, getOffloadState } from 'ktls-pipe'
import { loadCertificate } from '../express/certificate.mjs'

const folder = resolve(process.env.FILES_DIRECTORY ?? join(import.meta.dirname, '../express/files'))
const [name] = await readdir(folder)
const path = join(folder, name)

const server = createServer(await loadCertificate(), async (socket) => {
  socket.on('error', (error) => console.error(error.message)) // who connects may go at any time
  socket.write(`${(await stat(path)).size}\n`)
  createReadStream(path).pipe(createZeroCopyPipe(socket))
  socket.on('finish', () => console.log(JSON.stringify(getOffloadState(socket))))
})
server.listen(Number(process.env.PORT ?? 8443), '127.0.0.1', () => {
  console.log(`listening on tls://localhost:${server.address().port}`)
})
