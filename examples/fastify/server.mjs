// Downloads by Fastify and @fastify/static. The package is asked for by this instance alone, and by /private/ not at all:
// the rest of the process stays as it is.

import { join, resolve } from 'node:path'
import serveFiles from '@fastify/static'
import Fastify from 'fastify'
import { getOffloadState } from 'ktls-pipe'
import { offloadFiles } from 'ktls-pipe/fastify'
import { loadCertificate } from '../express/certificate.mjs'

const folder = resolve(process.env.FILES_DIRECTORY ?? join(import.meta.dirname, '../express/files'))

const fastify = Fastify({ https: await loadCertificate() })
fastify.addHook('onRequest', async ({ url }, { raw }) => {
  // Unlike the hook onResponse, this tells of downloads that break off, too.
  raw.on('close', () => {
    console.log(JSON.stringify({ path: url, status: raw.statusCode, ...getOffloadState(raw) }))
  })
})
await fastify.register(offloadFiles)
await fastify.register(serveFiles, { root: folder, prefix: '/files/' })
fastify.get('/private/:name', { config: { offloadFiles: false } }, ({ params }, reply) => reply.sendFile(params.name))

await fastify.listen({ port: Number(process.env.PORT ?? 8443), host: '127.0.0.1' })
console.log(`listening on https://localhost:${fastify.server.address().port}`)
