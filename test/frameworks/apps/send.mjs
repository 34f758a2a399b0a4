import finished from 'on-finished'
import send from 'send'
import serveHandler from 'serve-handler'
import serveStatic2 from 'serve-static'
import serveStatic1 from 'serve-static-1'
import sirv from 'sirv'
import { secureApp } from '../listen.mjs'

const notFound = (response) => () => response.writeHead(404).end()

/** @type {import('../app.mjs').App[]} */
export const apps = [
  secureApp(['send'], 'send().pipe(res)', ({ folder }) => (request, response) => {
    send(request, request.url, { root: folder }).pipe(response)
  }),
  secureApp(['send', 'on-finished'], 'onFinished(res)', ({ folder }) => (request, response) => {
    finished(response, () => {})
    send(request, request.url, { root: folder }).pipe(response)
  }),
  ...[
    ['serve-static', serveStatic2],
    ['serve-static-1', serveStatic1],
  ].map(([name, serveStatic]) =>
    secureApp([name], 'serveStatic()', ({ folder }) => {
      const serve = serveStatic(folder)
      return (request, response) => serve(request, response, notFound(response))
    }),
  ),
  secureApp(['sirv'], 'sirv()', ({ folder }) => {
    const serve = sirv(folder)
    return (request, response) => serve(request, response, notFound(response))
  }),
  secureApp(
    ['serve-handler'],
    'handler()',
    ({ folder }) =>
      (request, response) =>
        serveHandler(request, response, { public: folder }),
  ),
]
