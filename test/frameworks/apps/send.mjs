import finished from 'on-finished'
import send from 'send'
import serveHandler from 'serve-handler'
import serveStatic2 from 'serve-static'
import serveStatic1 from 'serve-static-1'
import sirv from 'sirv'
import { listenSecurely } from '../listen.mjs'

const app = (packages, what, listener) => ({
  packages,
  what,
  start: (context) => listenSecurely(listener(context), context),
})
const notFound = (response) => () => response.writeHead(404).end()

/** @type {import('../app.mjs').App[]} */
export const apps = [
  app(['send'], 'send().pipe(res)', ({ folder }) => (request, response) => {
    send(request, request.url, { root: folder }).pipe(response)
  }),
  app(['send', 'on-finished'], 'onFinished(res)', ({ folder }) => (request, response) => {
    finished(response, () => {})
    send(request, request.url, { root: folder }).pipe(response)
  }),
  ...[
    ['serve-static', serveStatic2],
    ['serve-static-1', serveStatic1],
  ].map(([name, serveStatic]) =>
    app([name], 'serveStatic()', ({ folder }) => {
      const serve = serveStatic(folder)
      return (request, response) => serve(request, response, notFound(response))
    }),
  ),
  app(['sirv'], 'sirv()', ({ folder }) => {
    const serve = sirv(folder)
    return (request, response) => serve(request, response, notFound(response))
  }),
  app(
    ['serve-handler'],
    'handler()',
    ({ folder }) =>
      (request, response) =>
        serveHandler(request, response, { public: folder }),
  ),
]
