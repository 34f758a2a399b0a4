// One process for each processor. Each has the package, its sessions and its counters; the primary adds them up.

import cluster from 'node:cluster'
import { createServer } from 'node:https'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import express from 'express'
import 'ktls-pipe/register'
import { getStats } from 'ktls-pipe'
import { loadCertificate } from '../express/certificate.mjs'

const workers = Number(process.env.WORKERS ?? availableParallelism())

if (cluster.isPrimary) {
  const latest = new Map()
  for (let i = 0; i < workers; ++i) cluster.fork()
  cluster.on('message', ({ id }, { bytes }) => {
    latest.set(id, bytes.tls + bytes.tcp)
    const total = [...latest.values()].reduce((sum, own) => sum + own)
    if (total > 0) console.log(JSON.stringify({ bytesOffloaded: total, workers: latest.size }))
  })
  cluster.once('listening', (_worker, { port }) => console.log(`listening on https://localhost:${port}`))
} else {
  const folder = resolve(process.env.FILES_DIRECTORY ?? join(import.meta.dirname, '../express/files'))
  const app = express()
  app.use((_request, response, next) => {
    response.on('close', () => process.send({ bytes: getStats().bytes }))
    next()
  })
  app.use('/files', express.static(folder))
  createServer(await loadCertificate(), app).listen(Number(process.env.PORT ?? 8443), '127.0.0.1')
}
