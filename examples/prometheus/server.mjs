// Serves files over https, and what became of them under /metrics.

import { createServer } from 'node:https'
import { join, resolve } from 'node:path'
import express from 'express'
import 'ktls-pipe/register'
import { Registry } from 'prom-client'
import { loadCertificate } from '../express/certificate.mjs'
import { registerMetrics } from './metrics.mjs'

const folder = resolve(process.env.FILES_DIRECTORY ?? join(import.meta.dirname, '../express/files'))
const registry = new Registry()
registerMetrics(registry)

const app = express()
app.use('/files', express.static(folder))
app.get('/metrics', async (_request, response) => {
  response.type(registry.contentType).send(await registry.metrics())
})

const server = createServer(await loadCertificate(), app)
server.listen(Number(process.env.PORT ?? 8443), '127.0.0.1', () => {
  console.log(`listening on https://localhost:${server.address().port}`)
})
