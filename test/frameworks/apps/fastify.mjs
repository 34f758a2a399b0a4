import { createReadStream } from 'node:fs'
import { basename, join } from 'node:path'
import fastifyStatic10 from '@fastify/static'
import fastifyStatic7 from '@fastify/static-7'
import fastify5 from 'fastify'
import fastify4 from 'fastify-4'

/** @type {import('../app.mjs').App[]} */
export const apps = [
  ['fastify', fastify5, '@fastify/static', fastifyStatic10],
  ['fastify-4', fastify4, '@fastify/static-7', fastifyStatic7],
].flatMap(([name, fastify, staticName, fastifyStatic]) => {
  const app = (packages, what, prepare) => ({
    packages,
    what,
    async start(context) {
      const instance = fastify({ https: context.credentials, forceCloseConnections: true })
      prepare(instance, context)
      await instance.listen({ port: 0, host: '127.0.0.1' })
      return instance.server
    },
  })
  return [
    app([name, staticName], 'the plugin', (instance, { folder }) => instance.register(fastifyStatic, { root: folder })),
    app([name, staticName], 'reply.sendFile', (instance, { folder }) => {
      instance.register(fastifyStatic, { root: folder, serve: false })
      instance.get('/:name', (request, reply) => reply.sendFile(request.params.name))
    }),
    app([name], 'reply.send(createReadStream())', (instance, { folder }) =>
      instance.get('/:name', (request, reply) =>
        reply.type('application/octet-stream').send(createReadStream(join(folder, basename(request.params.name)))),
      ),
    ),
  ]
})
