import { createReadStream } from 'node:fs'
import { basename, join } from 'node:path'
import Koa3 from 'koa'
import Koa2 from 'koa-2'
import send from 'koa-send'
import serve from 'koa-static'
import { secureApp } from '../listen.mjs'

/** @type {import('../app.mjs').App[]} */
export const apps = [
  ['koa', Koa3],
  ['koa-2', Koa2],
].flatMap(([name, Koa]) => {
  const app = (packages, what, middleware) =>
    secureApp(packages, what, (context) => new Koa().use(middleware(context)).callback())
  return [
    app([name], 'ctx.body = createReadStream()', ({ folder }) => (ctx) => {
      ctx.type = 'bin'
      ctx.body = createReadStream(join(folder, basename(ctx.path)))
    }),
    app(
      [name, 'koa-send'],
      'send(ctx)',
      ({ folder }) =>
        (ctx) =>
          send(ctx, ctx.path, { root: folder }),
    ),
    app([name, 'koa-static'], 'serve()', ({ folder }) => serve(folder)),
  ]
})
