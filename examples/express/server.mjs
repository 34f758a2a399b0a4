// An ordinary Express application that serves files over https. Every route is the same code with and without
// `--import ktls-pipe/register`. Only /zero-copy, /stats and /status name the package, and load it when they are first
// asked for, so that without the import this is plain Node.

import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { STATUS_CODES } from 'node:http'
import { createServer } from 'node:https'
import { dirname, join, resolve } from 'node:path'
import { pipeline } from 'node:stream'
import { pipeline as pipelinePromise } from 'node:stream/promises'
import express from 'express'
import { loadCertificate } from './certificate.mjs'
import { status } from './status.mjs'

const port = Number(process.env.PORT ?? 8443)
const host = process.env.HOST ?? '127.0.0.1'
const folder = resolve(process.env.FILES_DIRECTORY ?? join(import.meta.dirname, 'files'))

const app = express().disable('x-powered-by')

app.use('/static', express.static(folder))

app.get('/send-file/:name', (request, response) => response.sendFile(request.params.name, { root: folder }))

app.get('/download/:name', (request, response) => response.download(request.params.name, { root: folder }))

app.get('/pipe/:name', async (request, response) => {
  const { path, size } = await findFile(request.params.name)
  response.type('bin').set('Content-Length', String(size))
  pipeFile(path, response)
})

// No Content-Length: Node sends the body in chunks.
app.get('/chunked/:name', async (request, response) => {
  const { path } = await findFile(request.params.name)
  pipeFile(path, response.type('bin'))
})

app.get('/pipeline/:name', async (request, response, next) => {
  const { path, size } = await findFile(request.params.name)
  response.type('bin').set('Content-Length', String(size))
  pipeline(createReadStream(path), response, (error) => error && next(error))
})

app.get('/pipeline-promise/:name', async (request, response) => {
  const { path, size } = await findFile(request.params.name)
  response.type('bin').set('Content-Length', String(size))
  await pipelinePromise(createReadStream(path), response)
})

app.get('/zero-copy/:name', async (request, response) => {
  const { createZeroCopyPipe } = await import('ktls-pipe')
  const { path, size } = await findFile(request.params.name)
  response.type('bin').set('Content-Length', String(size))
  pipeFile(path, response, createZeroCopyPipe(response))
})

app.use('/status', status())

app.get('/json', (_request, response) => response.json({ message: 'a small answer' }))

app.get('/stats', async (_request, response) => {
  const { getStats } = await import('ktls-pipe')
  response.json(getStats())
})

app.use((_request, response) => sendError(response, 404))

app.use((error, _request, response, _next) => {
  // Too late for an error page, or nobody is there to read it.
  if (response.headersSent || response.destroyed) return response.destroy()
  const status = error.status ?? 500
  if (status >= 500) console.error(error)
  sendError(response, status)
})

function pipeFile(path, response, destination = response) {
  const source = createReadStream(path)
  source.on('error', (error) => response.destroy(error))
  destination.on('error', (error) => response.destroy(error))
  response.on('close', () => source.destroy()) // pipe() leaves the file open when the client goes away
  source.pipe(destination)
}

// The regular file of that name directly in the served folder, never one outside of it.
async function findFile(name) {
  const path = resolve(folder, name)
  const found = dirname(path) === folder ? await stat(path).catch(() => undefined) : undefined
  if (!found?.isFile()) throw Object.assign(new Error('no such file'), { status: 404 })
  return { path, size: found.size }
}

function sendError(response, status) {
  response.status(status).json({ error: STATUS_CODES[status] })
}

const server = createServer(await loadCertificate(), app)
server.listen(port, host, () => console.log(`listening on https://localhost:${server.address().port}`))
