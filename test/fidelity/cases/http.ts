// What HTTP makes of a file: framing, heads, other writes to the same response, connections that go on or end.

import { once } from 'node:events'
import type { Cases } from '../case.js'
import { tail } from '../client.js'
import { cut, exchanged, largeBytes, offloaded, smallBytes } from '../exchange.js'

export const cases: Cases = {
  'Content-Length': offloaded(({ open, response, size }) => {
    response.setHeader('Content-Length', size)
    open().pipe(response)
  }),
  'writeHead with a Content-Length': offloaded(({ open, response, size }) => {
    response.writeHead(200, 'Fine', { 'Content-Length': size, 'Content-Type': 'text/plain', 'X-Own': ['1', '2'] })
    open().pipe(response)
  }),
  'writeHead with raw headers': offloaded(({ open, response, size }) => {
    response.writeHead(200, ['Content-Length', String(size), 'X-Own', '1'])
    open().pipe(response)
  }),
  'flushHeaders before': offloaded(({ open, response, size }) => {
    response.setHeader('Content-Length', size)
    response.flushHeaders()
    setImmediate(() => open().pipe(response))
  }),
  chunked: offloaded(({ open, response }) => open().pipe(response)),
  'chunked and large': offloaded(({ open, response }) => open().pipe(response), { size: largeBytes }),
  'no chunks, until the connection ends': offloaded(({ open, response }) => {
    response.useChunkedEncodingByDefault = false
    open().pipe(response)
  }),
  'Connection: close by the server': offloaded(({ open, response }) => {
    response.setHeader('Connection', 'close')
    open().pipe(response)
  }),
  'Connection: close by the client': offloaded(({ open, response }) => open().pipe(response), {
    request: { headers: { Connection: 'close' } },
  }),
  'no Date': offloaded(({ open, response }) => {
    response.sendDate = false
    open().pipe(response)
  }),
  HEAD: exchanged(
    { declined: 'response-without-body' },
    ({ open, response, size }) => {
      response.setHeader('Content-Length', size)
      open().pipe(response)
    },
    { request: { method: 'HEAD' } },
  ),
  POST: offloaded(
    ({ open, request, response }) => {
      request.resume()
      open().pipe(response)
    },
    { request: { method: 'POST', headers: { 'Content-Length': 0 } } },
  ),
  204: exchanged({ declined: 'response-without-body' }, ({ open, response }) => open().pipe(response.writeHead(204))),
  304: exchanged({ declined: 'response-without-body' }, ({ open, response }) => open().pipe(response.writeHead(304))),
  206: offloaded(({ open, response, size }) => {
    response.writeHead(206, { 'Content-Range': `bytes 10-99999/${size}`, 'Content-Length': 99_990 })
    open({ start: 10, end: 99_999 }).pipe(response)
  }),
  404: offloaded(({ open, response }) => open().pipe(response.writeHead(404))),
  trailers: offloaded(({ open, response }) => {
    response.setHeader('Trailer', 'Checksum')
    const source = open()
    source.on('end', () => response.addTrailers({ Checksum: '123' }))
    source.pipe(response)
  }),
  'Expect: 100-continue': offloaded(({ open, response }) => open().pipe(response), {
    request: { headers: { Expect: '100-continue' } },
  }),
  'early hints': offloaded(({ open, response }) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload' })
    open().pipe(response)
  }),
  writeProcessing: offloaded(({ open, response }) => {
    response.writeProcessing()
    open().pipe(response)
  }),

  strictContentLength: exchanged({ declined: 'strict-content-length' }, ({ open, response, size }) => {
    response.strictContentLength = true
    response.setHeader('Content-Length', size)
    open().pipe(response)
  }),
  'a Content-Length that is too large': cut(
    ({ open, response, size }) => {
      response.setHeader('Content-Length', size + 10)
      response.setHeader('Connection', 'close')
      open().pipe(response)
    },
    { size: smallBytes, holdsBack: false },
  ),

  'a write before, same tick': offloaded(({ open, response, record }) => {
    record.note('write returned', response.write('before', record.callback('written')))
    open().pipe(response)
  }),
  'writes before, same tick': offloaded(({ open, response, record }) => {
    for (const word of ['one', 'two', 'three']) response.write(word, record.callback(word))
    open().pipe(response)
  }),
  'a large write before': offloaded(async ({ open, response, record }) => {
    const source = open()
    await once(source, 'open') // whether it is before the write is done is chance
    record.note('write returned', response.write(Buffer.alloc(3_000_000, 'x'), record.callback('written')))
    source.pipe(response)
  }),
  'a large write before, and a source that is let flow all the same': exchanged(
    'either',
    async ({ open, response }) => {
      response.write(Buffer.alloc(3_000_000, 'x'))
      const source = open()
      source.pipe(response)
      await once(source, 'open')
      source.pause()
      setImmediate(() => source.resume())
    },
  ),
  'a write in the tick after': exchanged('either', ({ open, response, record }) => {
    open().pipe(response, { end: false })
    response.write('first', record.callback('written'))
    response.on('unpipe', () => response.end())
  }),
  'a write in the end of the file': offloaded(({ open, response, record }) => {
    const source = open()
    source.pipe(response, { end: false })
    source.on('end', () => {
      response.write('one', record.callback('one'))
      response.end('two', record.callback('two'))
    })
  }),
  'end in the same tick': exchanged('either', async ({ open, response, record }) => {
    const source = open()
    await once(source, 'open') // whether it is open before the response has finished is chance
    source.pipe(response)
    response.end('instead', record.callback('ended'))
  }),
  'cork before, uncork after': exchanged(
    { declined: 'response-corked' },
    ({ open, response }) => {
      response.cork()
      response.write('in front')
      const source = open()
      source.pipe(response)
      source.once('end', () => response.uncork())
    },
    { size: 10_000 },
  ),
  'cork and uncork before': offloaded(({ open, response }) => {
    response.cork()
    response.write('in front')
    response.uncork()
    open().pipe(response)
  }),
  'end with a callback': offloaded(async ({ open, response, record }) => {
    const source = open()
    source.pipe(response, { end: false })
    await once(source, 'end')
    response.end(tail, 'latin1', record.callback('ended'))
  }),
  'the bytes that were written': offloaded(({ open, response, socket, size, record }) => {
    response.setHeader('Content-Length', size)
    response.sendDate = false
    open().pipe(response)
    response.on('finish', () => record.note('bytesWritten', socket.bytesWritten))
  }),
  'the bytes that wait': offloaded(async ({ open, response, socket, record }) => {
    open().pipe(response)
    await once(response, 'finish')
    record.note('waiting', response.writableLength, socket.writableLength, socket.bufferSize ?? 0)
  }),
  'a response that waits for drain': offloaded(
    async ({ open, response, record }) => {
      response.once('drain', () => record.note('drain'))
      open().pipe(response)
    },
    { size: largeBytes },
  ),
  'finished before the response': offloaded(({ open, response, record }) => {
    const source = open()
    source.pipe(response)
    source.on('end', () => record.note('at the end', response.writableEnded))
  }),
}
