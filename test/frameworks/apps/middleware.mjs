import compression from 'compression'
import express from 'express'
import session from 'express-session'
import helmet from 'helmet'
import morgan from 'morgan'
import onHeaders from 'on-headers'
import responseTime from 'response-time'
import { secureApp } from '../listen.mjs'

/** Behind it, express.static. */
const behind = (packages, what, middleware, more = {}) => ({
  ...secureApp(['express', ...packages], what, ({ folder }) => express().use(middleware()).use(express.static(folder))),
  ...more,
})
const gzip = { headers: { 'accept-encoding': 'gzip' } }
const forEach = (prepare) => () => (request, response, next) => {
  prepare(response, request)
  next()
}

/** @type {import('../app.mjs').App[]} */
export const apps = [
  behind(['compression'], 'compression(), of a film', compression, gzip),
  behind(['compression'], 'compression(), of text', compression, { ...gzip, file: 'text.txt' }),
  behind(['compression'], 'compression(), of text for a client that takes it as it is', compression, {
    file: 'text.txt',
  }),
  behind(
    ['express-session'],
    'session()',
    () => session({ secret: 'of a test', resave: false, saveUninitialized: true, cookie: { secure: true } }),
    { varying: ['set-cookie'] },
  ),
  behind(['morgan'], 'morgan()', () => morgan('combined', { stream: { write() {} } })),
  behind(['helmet'], 'helmet()', helmet),
  behind(['response-time'], 'responseTime()', responseTime, { varying: ['x-response-time'] }),
  behind(
    ['on-headers'],
    'onHeaders(res)',
    forEach((response) => onHeaders(response, () => response.setHeader('X-Seen', 'yes'))),
  ),
  behind(
    [],
    'own res.end and res.writeHead around the old ones',
    forEach((response) => {
      for (const name of ['end', 'writeHead']) {
        const before = response[name]
        response[name] = function (...args) {
          return before.apply(this, args)
        }
      }
    }),
  ),
  behind(
    [],
    'own res.write around the old one',
    forEach((response) => {
      const { write } = response
      response.write = function (...args) {
        return write.apply(this, args)
      }
    }),
  ),
  behind(
    [],
    'own socket.write around the old one',
    forEach((_response, { socket }) => {
      const { write } = socket
      socket.write = function (...args) {
        return write.apply(this, args)
      }
    }),
  ),
]
