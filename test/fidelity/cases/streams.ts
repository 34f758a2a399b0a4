// What a program does to the streams of a pipe, before, during and after it.

import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { Collector } from '../../support/collector.js'
import type { Cases } from '../case.js'
import { describeBytes, tail } from '../client.js'
import { collectData } from '../consumers.js'
import { cut, type ExchangeOptions, exchanged, held, largeBytes, offloaded } from '../exchange.js'
import { until } from '../waiting.js'

/** What is done to a file under way that arrives whole all the same. */
const meanwhile = (framing: string, options: ExchangeOptions): Cases => ({
  [`pause and resume${framing}`]: exchanged(
    'either',
    async ({ letRead, record, pipeUntilUnderWay }) => {
      const source = await pipeUntilUnderWay()
      source.pause()
      record.note('paused', source.isPaused())
      letRead()
      await record.untilQuiet()
      source.resume()
    },
    options,
  ),
  [`unpipe, and pipe again${framing}`]: exchanged(
    'either',
    async ({ response, letRead, record, pipeUntilUnderWay }) => {
      const source = await pipeUntilUnderWay()
      source.unpipe(response)
      letRead()
      await record.untilQuiet()
      record.note('flowing', source.readableFlowing)
      source.pipe(response)
    },
    options,
  ),
  [`a second destination later${framing}`]: exchanged(
    { partly: 'source-shared' },
    async ({ letRead, record, pipeUntilUnderWay }) => {
      const source = await pipeUntilUnderWay()
      const other = new Collector()
      source.pipe(other)
      letRead()
      await once(other, 'finish')
      record.note('other got some of it', other.bytes.length > 0 && other.bytes.length < largeBytes)
    },
    options,
  ),
  [`a 'data' listener meanwhile${framing}`]: exchanged(
    { partly: 'source-shared' },
    async ({ letRead, record, pipeUntilUnderWay }) => {
      const source = await pipeUntilUnderWay()
      const seen = collectData(source)
      source.on('end', () => {
        const bytes = seen.bytes()
        record.note('seen some of it', bytes.length > 0 && bytes.length < largeBytes)
      })
      letRead()
    },
    options,
  ),
})

export const cases: Cases = {
  ...meanwhile('', { ...held, cut: true }),
  ...meanwhile(', with a Content-Length', { ...held, cut: true, announced: true }),
  pipe: offloaded(({ open, response }) => open().pipe(response)),
  'pipe of a large file': offloaded(({ open, response }) => open().pipe(response), { size: largeBytes }),
  'pipe with a Content-Length': offloaded(({ open, response, size }) => {
    response.setHeader('Content-Length', size)
    open().pipe(response)
  }),
  'pipe returns its destination': offloaded(({ open, response, record }) => {
    record.note('pipe returned', open().pipe(response) === response)
  }),
  'pipe in the next tick': offloaded(({ open, response }) => process.nextTick(() => open().pipe(response))),
  'pipe once it is open': offloaded(async ({ open, response }) => {
    const source = open()
    await once(source, 'open')
    source.pipe(response)
  }),
  'pipe once the source is readable': exchanged('either', async ({ open, response }) => {
    const source = open()
    await once(source, 'readable')
    source.pipe(response)
  }),
  'end: false': offloaded(({ open, response, record }) => {
    const source = open()
    source.pipe(response, { end: false })
    source.on('end', () => response.end(tail, record.callback('end callback')))
  }),
  'end: false, and a second file after it': offloaded(({ open, response }) => {
    const first = open()
    first.pipe(response, { end: false })
    first.on('end', () => open().pipe(response))
  }),
  'end: false, and nothing more': offloaded(async ({ open, response }) => {
    const source = open()
    source.pipe(response, { end: false })
    await until(source, 'close')
    response.end()
  }),
  'pause in the same tick': offloaded(({ open, response }) => {
    const source = open()
    source.pipe(response)
    source.pause()
    process.nextTick(() => source.resume()) // later it may be open already, and read into its buffer
  }),
  'pause in the same tick, until it is open': exchanged('either', async ({ open, response }) => {
    const source = open()
    source.pipe(response)
    source.pause()
    await once(source, 'open')
    source.resume()
  }),
  'unpipe in the same tick': exchanged('nothing', async ({ open, response }) => {
    const source = open()
    source.pipe(response)
    source.unpipe(response)
    await once(source, 'open') // whether it is open before the response has finished is chance
    response.end('instead')
  }),
  'unpipe without a name, and end': cut(async ({ response, letRead, record, pipeUntilUnderWay }) => {
    const source = await pipeUntilUnderWay()
    source.unpipe()
    letRead()
    await record.untilQuiet()
    response.end()
    source.destroy()
  }),
  'unpipe of something else': offloaded(({ open, response }) => {
    const source = open()
    source.pipe(response)
    source.unpipe(new PassThrough())
  }),
  'unpipe, and read the rest': cut(async ({ response, letRead, record, pipeUntilUnderWay }) => {
    const source = await pipeUntilUnderWay()
    source.unpipe(response)
    letRead()
    await record.untilQuiet()
    const rest: Buffer[] = []
    for await (const chunk of source) rest.push(chunk as Buffer)
    const bytes = Buffer.concat(rest)
    record.note('the rest is some of it', bytes.length > 0 && bytes.length < largeBytes)
    response.end()
  }),
  'two destinations from the start': exchanged({ declined: 'source-shared' }, async ({ open, response, record }) => {
    const source = open()
    const other = new Collector()
    source.pipe(response)
    source.pipe(other)
    await once(other, 'finish')
    record.note('other', describeBytes(other.bytes))
  }),
  'the same destination twice': exchanged({ declined: 'source-shared' }, ({ open, response }) => {
    const source = open()
    source.pipe(response, { end: false })
    source.pipe(response)
  }),
  'a second destination that goes again': exchanged('either', async ({ open, response }) => {
    const source = open()
    const other = new Collector()
    source.pipe(other)
    source.pipe(response)
    await once(source, 'open')
    source.unpipe(other)
  }),
  'a second destination, which goes before anything is read': offloaded(({ open, response }) => {
    const source = open()
    const other = new Collector()
    source.pipe(response)
    source.pipe(other)
    source.unpipe(other)
  }),
  "a 'data' listener before": exchanged({ declined: 'source-shared' }, ({ open, response, record }) => {
    const source = open()
    const seen = collectData(source)
    source.on('end', () => record.note('seen', describeBytes(seen.bytes())))
    source.pipe(response)
  }),
  "a 'data' listener in the same tick": exchanged({ declined: 'source-shared' }, ({ open, response, record }) => {
    const source = open()
    source.pipe(response)
    const seen = collectData(source)
    source.on('end', () => record.note('seen', describeBytes(seen.bytes())))
  }),
  "a 'data' listener that goes again": offloaded(({ open, response }) => {
    const source = open()
    const listener = () => {}
    source.on('data', listener)
    source.pipe(response)
    source.off('data', listener)
  }),
  "a 'readable' listener before": exchanged('either', ({ open, response, record }) => {
    const source = open()
    source.once('readable', () => record.note('readable'))
    source.pipe(response)
  }),
  setEncoding: exchanged({ declined: 'source-shared' }, ({ open, response }) =>
    open().setEncoding('hex').pipe(response),
  ),
  'setEncoding meanwhile': exchanged(
    'either',
    async ({ letRead, pipeUntilUnderWay }) => {
      const source = await pipeUntilUnderWay()
      source.setEncoding('utf8')
      letRead()
    },
    held,
  ),
  'read before': offloaded(async ({ open, response, record }) => {
    const source = open({ highWaterMark: 1000 })
    await once(source, 'readable')
    record.note('read', (source.read(10) as Buffer).toString('hex'))
    source.pipe(response)
  }),
  'unshift before': exchanged('either', async ({ open, response }) => {
    const source = open()
    await once(source, 'open')
    source.unshift(Buffer.from('in front of it'))
    source.pipe(response)
  }),
  'resumed to its end before': exchanged({ declined: 'source-unavailable' }, async ({ open, response }) => {
    const source = open()
    source.resume()
    await until(source, 'close')
    source.pipe(response)
    response.end('nothing')
  }),
}
