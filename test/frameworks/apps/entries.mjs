// Apps that use the package's entries for their framework; nothing is installed. By path: this folder is a package of
// another name.

import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import express from 'express'
import fastify from 'fastify'
import fastify4 from 'fastify-4'
import Koa from 'koa'
import Koa2 from 'koa-2'
import * as forExpress from '../../../dist/express.js'
import * as forFastify from '../../../dist/fastify.js'
import * as forKoa from '../../../dist/koa.js'
import { listening, secureApp } from '../listen.mjs'

const film = ({ folder }) => createReadStream(join(folder, 'film.mp4'))

/** Each: a route that is offloaded, and one that opts out. */
function pair(packages, appOf) {
  return [true, false].map((offloads) => appOf(packages, offloads ? 'offloaded' : 'opted out', offloads))
}

function expressApp(packages, what, offloads) {
  return secureApp(packages, what, (context) => {
    const optOut = offloads ? [] : [forExpress.keepFilesInUserspace()]
    return express().use(forExpress.offloadFiles(), ...optOut, express.static(context.folder))
  })
}

const koaApp = (Application) => (packages, what, offloads) =>
  secureApp(packages, what, (context) => {
    const app = new Application().use(forKoa.offloadFiles())
    if (!offloads) app.use(forKoa.keepFilesInUserspace())
    app.use((ctx) => {
      ctx.body = film(context)
    })
    return app.callback()
  })

const fastifyApp = (make) => (packages, what, offloads) => ({
  packages,
  what,
  async start(context) {
    const { key, cert } = context.credentials
    const app = make({ https: { key, cert } })
    await app.register(forFastify.offloadFiles)
    app.get('/*', { config: { offloadFiles: offloads } }, (_request, reply) => reply.send(film(context)))
    await app.ready()
    return listening(app.server)
  },
})

/** @type {import('../app.mjs').App[]} */
export const apps = [
  ...pair(['express'], expressApp),
  ...pair(['koa'], koaApp(Koa)),
  ...pair(['koa-2'], koaApp(Koa2)),
  ...pair(['fastify'], fastifyApp(fastify)),
  ...pair(['fastify-4'], fastifyApp(fastify4)),
]
