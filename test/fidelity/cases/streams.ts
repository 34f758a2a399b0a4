// What a program does to the streams of a pipe, before, during and after it.

import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { addAbortSignal, finished, PassThrough, pipeline, Readable, Transform } from 'node:stream'
import { finished as finishedPromise, pipeline as pipelinePromise } from 'node:stream/promises'
import type { Case, Cases, Expectation } from '../case.js'
import { Collector, collectData } from '../consumers.js'
import { describeBytes, type ExchangeOptions, exchange, largeBytes, type Serving, tail, until } from '../exchange.js'

const held: ExchangeOptions = { size: largeBytes, holdsBack: true }

export const cases: Cases = {
  pipe: whole(({ open, response }) => open().pipe(response)),
  'pipe of a large file': whole(({ open, response }) => open().pipe(response), { size: largeBytes }),
  'pipe with a Content-Length': whole(({ open, response, size }) => {
    response.setHeader('Content-Length', size)
    open().pipe(response)
  }),
  'pipe returns its destination': whole(({ open, response, record }) => {
    record.note('pipe returned', open().pipe(response) === response)
  }),
  'pipe in the next tick': whole(({ open, response }) => process.nextTick(() => open().pipe(response))),
  'pipe once it is open': whole(async ({ open, response }) => {
    const source = open()
    await once(source, 'open')
    source.pipe(response)
  }),
  'pipe once the source is readable': played('either', async ({ open, response }) => {
    const source = open()
    await once(source, 'readable')
    source.pipe(response)
  }),
  'end: false': whole(({ open, response, record }) => {
    const source = open()
    source.pipe(response, { end: false })
    source.on('end', () => response.end(tail, record.callback('end callback')))
  }),
  'end: false, and a second file after it': whole(({ open, response }) => {
    const first = open()
    first.pipe(response, { end: false })
    first.on('end', () => open().pipe(response))
  }),
  'end: false, and nothing more': whole(async ({ open, response }) => {
    const source = open()
    source.pipe(response, { end: false })
    await until(source, 'close')
    response.end()
  }),
  'pause and resume': played(
    'either',
    async ({ open, response, underWay, letRead, record }) => {
      const source = open()
      source.pipe(response)
      await underWay()
      source.pause()
      record.note('paused', source.isPaused())
      letRead()
      await record.untilQuiet()
      source.resume()
    },
    { ...held, cut: true },
  ),
  'pause in the same tick': whole(({ open, response }) => {
    const source = open()
    source.pipe(response)
    source.pause()
    setImmediate(() => source.resume())
  }),
  'unpipe in the same tick': played('nothing', ({ open, response }) => {
    const source = open()
    source.pipe(response)
    source.unpipe(response)
    response.end('instead')
  }),
  'unpipe, and pipe again': played(
    'either',
    async ({ open, response, underWay, letRead, record }) => {
      const source = open()
      source.pipe(response)
      await underWay()
      source.unpipe(response)
      letRead()
      await record.untilQuiet()
      record.note('flowing', source.readableFlowing)
      source.pipe(response)
    },
    { ...held, cut: true },
  ),
  'unpipe without a name, and end': cut(async ({ open, response, underWay, letRead, record }) => {
    const source = open()
    source.pipe(response)
    await underWay()
    source.unpipe()
    letRead()
    await record.untilQuiet()
    response.end()
    source.destroy()
  }),
  'unpipe of something else': whole(({ open, response }) => {
    const source = open()
    source.pipe(response)
    source.unpipe(new PassThrough())
  }),
  'unpipe, and read the rest': cut(async ({ open, response, underWay, letRead, record }) => {
    const source = open()
    source.pipe(response)
    await underWay()
    source.unpipe(response)
    letRead()
    await record.untilQuiet()
    const rest: Buffer[] = []
    for await (const chunk of source) rest.push(chunk as Buffer)
    const bytes = Buffer.concat(rest)
    record.note('the rest is some of it', bytes.length > 0 && bytes.length < largeBytes)
    response.end()
  }),
  'two destinations from the start': played({ declined: 'source-shared' }, async ({ open, response, record }) => {
    const source = open()
    const other = new Collector()
    source.pipe(response)
    source.pipe(other)
    await once(other, 'finish')
    record.note('other', describeBytes(other.bytes))
  }),
  'a second destination later': played(
    { partly: 'source-shared' },
    async ({ open, response, underWay, letRead, record }) => {
      const source = open()
      const other = new Collector()
      source.pipe(response)
      await underWay()
      source.pipe(other)
      letRead()
      await once(other, 'finish')
      record.note('other got some of it', other.bytes.length > 0 && other.bytes.length < largeBytes)
    },
    { ...held, cut: true },
  ),
  'the same destination twice': played({ declined: 'source-shared' }, ({ open, response }) => {
    const source = open()
    source.pipe(response, { end: false })
    source.pipe(response)
  }),
  'a second destination that goes again': played('either', async ({ open, response }) => {
    const source = open()
    const other = new Collector()
    source.pipe(other)
    source.pipe(response)
    await once(source, 'open')
    source.unpipe(other)
  }),
  'a second destination, which goes before anything is read': whole(({ open, response }) => {
    const source = open()
    const other = new Collector()
    source.pipe(response)
    source.pipe(other)
    source.unpipe(other)
  }),
  "a 'data' listener before": played({ declined: 'source-shared' }, ({ open, response, record }) => {
    const source = open()
    const seen = collectData(source)
    source.on('end', () => record.note('seen', describeBytes(seen.bytes())))
    source.pipe(response)
  }),
  "a 'data' listener in the same tick": played({ declined: 'source-shared' }, ({ open, response, record }) => {
    const source = open()
    source.pipe(response)
    const seen = collectData(source)
    source.on('end', () => record.note('seen', describeBytes(seen.bytes())))
  }),
  "a 'data' listener meanwhile": played(
    { partly: 'source-shared' },
    async ({ open, response, underWay, letRead, record }) => {
      const source = open()
      source.pipe(response)
      await underWay()
      const seen = collectData(source)
      source.on('end', () => {
        const bytes = seen.bytes()
        record.note('seen some of it', bytes.length > 0 && bytes.length < largeBytes)
      })
      letRead()
    },
    { ...held, cut: true },
  ),
  "a 'data' listener that goes again": whole(({ open, response }) => {
    const source = open()
    const listener = () => {}
    source.on('data', listener)
    source.pipe(response)
    source.off('data', listener)
  }),
  "a 'readable' listener before": played('either', ({ open, response, record }) => {
    const source = open()
    source.once('readable', () => record.note('readable'))
    source.pipe(response)
  }),
  setEncoding: played({ declined: 'source-shared' }, ({ open, response }) => open().setEncoding('hex').pipe(response)),
  'setEncoding meanwhile': played(
    'either',
    async ({ open, response, underWay, letRead }) => {
      const source = open()
      source.pipe(response)
      await underWay()
      source.setEncoding('utf8')
      letRead()
    },
    held,
  ),
  'read before': whole(async ({ open, response, record }) => {
    const source = open({ highWaterMark: 1000 })
    await once(source, 'readable')
    record.note('read', (source.read(10) as Buffer).toString('hex'))
    source.pipe(response)
  }),
  'unshift before': played('either', async ({ open, response }) => {
    const source = open()
    await once(source, 'open')
    source.unshift(Buffer.from('in front of it'))
    source.pipe(response)
  }),
  'resumed to its end before': played({ declined: 'source-unavailable' }, async ({ open, response }) => {
    const source = open()
    source.resume()
    await until(source, 'close')
    source.pipe(response)
    response.end('nothing')
  }),

  'destroy of the source before': played({ declined: 'source-unavailable' }, ({ open, response }) => {
    const source = open()
    source.destroy()
    source.pipe(response)
    source.on('close', () => response.end('nothing'))
  }),
  'destroy of the source in the same tick': played('nothing', ({ open, response }) => {
    const source = open()
    source.pipe(response)
    source.destroy()
    source.on('close', () => response.end('nothing'))
  }),
  'destroy of the source meanwhile': cut(async ({ open, response, underWay, letRead }) => {
    const source = open()
    source.pipe(response)
    await underWay()
    source.destroy()
    letRead()
    await until(source, 'close')
    response.end()
  }),
  'destroy of the source meanwhile, with an error': cut(async ({ open, response, underWay, letRead }) => {
    const source = open()
    source.pipe(response)
    await underWay()
    source.destroy(new Error('enough'))
    letRead()
    await until(source, 'close')
    response.destroy()
  }),
  'destroy of the response before': played(
    { declined: 'destination-unavailable' },
    ({ open, response }) => {
      response.destroy()
      open().pipe(response)
    },
    { cut: true },
  ),
  'destroy of the response in the same tick': played('either', ({ open, response }) => {
    open().pipe(response)
    response.destroy()
  }),
  'destroy of the response meanwhile': cut(async ({ open, response, underWay }) => {
    open().pipe(response)
    await underWay()
    response.destroy()
  }),
  'destroy of the response meanwhile, with an error': cut(async ({ open, response, underWay }) => {
    open().pipe(response)
    await underWay()
    response.destroy(new Error('enough'))
  }),
  'destroy of the socket meanwhile': cut(async ({ open, response, socket, underWay }) => {
    open().pipe(response)
    await underWay()
    socket.destroy()
  }),
  'destroy of the socket meanwhile, with an error': cut(async ({ open, response, socket, underWay }) => {
    open().pipe(response)
    await underWay()
    socket.destroy(new Error('enough'))
  }),
  'the client goes meanwhile': cut(async ({ open, response, underWay, incoming }) => {
    open().pipe(response)
    await underWay()
    ;(await incoming()).destroy()
  }),
  'unpipe meanwhile, and the response is ended': cut(async ({ open, response, underWay, letRead, record }) => {
    const source = open()
    source.pipe(response)
    await underWay()
    source.unpipe(response)
    response.end(tail, record.callback('end callback'))
    source.destroy()
    letRead()
  }),

  'pipeline with a callback': whole(({ open, response, record }) => {
    record.note('pipeline returned', pipeline(open(), response, record.callback('pipeline')) === response)
  }),
  'pipeline with a promise': whole(({ open, response, record }) =>
    record.outcome('pipeline', pipelinePromise(open(), response)),
  ),
  'pipeline with end: false': whole(async ({ open, response, record }) => {
    await record.outcome('pipeline', pipelinePromise(open(), response, { end: false }))
    response.end(tail)
  }),
  'pipeline of a large file': whole(
    ({ open, response, record }) => record.outcome('pipeline', pipelinePromise(open(), response)),
    { size: largeBytes },
  ),
  'pipeline that is aborted before': played('nothing', async ({ open, response, record }) => {
    const signal = AbortSignal.abort()
    await record.outcome('pipeline', pipelinePromise(open(), response, { signal }))
    if (!response.destroyed) response.end('nothing')
  }),
  'pipeline that is aborted meanwhile': cut(async ({ open, response, record, underWay }) => {
    const abort = new AbortController()
    const outcome = record.outcome('pipeline', pipelinePromise(open(), response, { signal: abort.signal }))
    await underWay()
    abort.abort()
    await outcome
  }),
  'pipeline whose source fails': cut(async ({ open, response, record, underWay }) => {
    const source = open()
    pipeline(source, response, record.callback('pipeline'))
    await underWay()
    source.destroy(Object.assign(new Error('enough'), { code: 'ENOUGH' }))
  }),
  'pipeline whose client goes': cut(async ({ open, response, record, underWay, incoming }) => {
    pipeline(open(), response, record.callback('pipeline'))
    await underWay()
    ;(await incoming()).destroy()
  }),
  'pipeline of a file that is not there': played('nothing', async ({ path, watch, response, record }) => {
    const source = watch(createReadStream(`${path}.missing`))
    await record.outcome('pipeline', pipelinePromise(source, response))
  }),
  'pipeline through a transform': played('nothing', ({ open, response, record }) => {
    const transform = new Transform({ transform: (chunk, _encoding, callback) => callback(null, chunk) })
    return record.outcome('pipeline', pipelinePromise(open(), transform, response))
  }),
  'finished of both': whole(({ open, response, record }) => {
    const source = open()
    finished(source, record.callback('source finished'))
    finished(response, record.callback('response finished'))
    source.pipe(response)
  }),
  'finished with promises': whole(async ({ open, response, record }) => {
    const source = open()
    source.pipe(response)
    await Promise.all([
      record.outcome('source finished', finishedPromise(source)),
      record.outcome('response finished', finishedPromise(response)),
    ])
  }),
  'addAbortSignal to the source': cut(async ({ open, response, underWay, letRead }) => {
    const abort = new AbortController()
    const source = open()
    addAbortSignal(abort.signal, source)
    source.pipe(response)
    await underWay()
    abort.abort()
    letRead()
    await until(source, 'close')
    response.destroy()
  }),
  'signal of the source': cut(async ({ open, response, underWay, letRead }) => {
    const abort = new AbortController()
    const source = open({ signal: abort.signal })
    source.pipe(response)
    await underWay()
    abort.abort()
    letRead()
    await until(source, 'close')
    response.destroy()
  }),
  'compose with a transform': played('nothing', ({ open, response }) => {
    const upper = new Transform({ transform: (chunk, _encoding, callback) => callback(null, chunk) })
    open().compose(upper).pipe(response)
  }),
  'toWeb and back': played('nothing', ({ open, response }) => {
    Readable.fromWeb(Readable.toWeb(open()) as Parameters<typeof Readable.fromWeb>[0]).pipe(response)
  }),
  'async iteration': played('nothing', async ({ open, response }) => {
    for await (const chunk of open()) if (!response.write(chunk)) await once(response, 'drain')
    response.end()
  }),
  'async iteration after unpipe': played('either', async ({ open, response }) => {
    const source = open()
    source.pipe(response)
    source.unpipe(response)
    for await (const chunk of source) response.write(chunk)
    response.end()
  }),
}

function whole(serve: (serving: Serving) => unknown, options: ExchangeOptions = {}): Case {
  return played('offloaded', serve, options)
}

/** Somebody stops it in the middle. */
function cut(serve: (serving: Serving) => unknown): Case {
  return played('cut', serve, { ...held, cut: true })
}

function played(expect: Expectation, serve: (serving: Serving) => unknown, options: ExchangeOptions = {}): Case {
  return { expect, play: (stage) => exchange(stage, serve, options) }
}
