// A page that shows what ktls-pipe does just now: `app.use('/status', status())`. It asks for getStats() twice a second
// for as long as somebody looks, by server-sent events, and costs nothing otherwise.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import express from 'express'

const intervalMs = 500
const page = readFileSync(join(import.meta.dirname, 'status.html'))

export function status() {
  const router = express.Router()
  router.get('/', (_request, response) => response.type('html').send(page))
  router.get('/events', async (_request, response) => {
    const { getStats } = await import('ktls-pipe')
    if (response.closed) return // whoever asked has left meanwhile
    response.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
    const tell = () => response.write(`data: ${JSON.stringify(getStats())}\n\n`)
    const timer = setInterval(tell, intervalMs)
    response.on('close', () => clearInterval(timer))
    tell()
  })
  return router
}
