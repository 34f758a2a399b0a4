// How a pipe ends before its time, and who is told: destroy, abort, pipeline, finished.

import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { addAbortSignal, finished, pipeline, Readable, Transform } from 'node:stream'
import { finished as finishedPromise, pipeline as pipelinePromise } from 'node:stream/promises'
import type { Cases } from '../case.js'
import { tail } from '../client.js'
import { cut, exchanged, held, largeBytes, offloaded } from '../exchange.js'
import { until } from '../waiting.js'

const left = { ...held, clientGoes: true }

export const cases: Cases = {
  'destroy of the source before': exchanged({ declined: 'source-unavailable' }, ({ open, response }) => {
    const source = open()
    source.destroy()
    source.pipe(response)
    source.on('close', () => response.end('nothing'))
  }),
  'destroy of the source in the same tick': exchanged('nothing', ({ open, response }) => {
    const source = open()
    source.pipe(response)
    source.destroy()
    source.on('close', () => response.end('nothing'))
  }),
  'destroy of the source meanwhile': cut(async ({ response, letRead, pipeUntilUnderWay }) => {
    const source = await pipeUntilUnderWay()
    source.destroy()
    letRead()
    await until(source, 'close')
    response.end()
  }),
  'destroy of the source meanwhile, with an error': cut(async ({ response, letRead, pipeUntilUnderWay }) => {
    const source = await pipeUntilUnderWay()
    source.destroy(new Error('enough'))
    letRead()
    await until(source, 'close')
    response.destroy()
  }),
  'destroy of the source meanwhile, with a Content-Length': cut(
    async ({ response, letRead, pipeUntilUnderWay }) => {
      const source = await pipeUntilUnderWay()
      source.destroy()
      letRead()
      await until(source, 'close')
      response.destroy()
    },
    { ...held, announced: true },
  ),
  'destroy of the response before': exchanged(
    { declined: 'destination-unavailable' },
    ({ open, response }) => {
      response.destroy()
      open().pipe(response)
    },
    { cut: true },
  ),
  'destroy of the response in the same tick': exchanged(
    'if at all',
    ({ open, response }) => {
      open().pipe(response)
      response.destroy()
    },
    { cut: true }, // whether the file is open before the response has closed is chance
  ),
  'destroy of the response meanwhile': cut(async ({ response, pipeUntilUnderWay }) => {
    await pipeUntilUnderWay()
    response.destroy()
  }),
  'destroy of the response meanwhile, with an error': cut(async ({ response, pipeUntilUnderWay }) => {
    await pipeUntilUnderWay()
    response.destroy(new Error('enough'))
  }),
  'destroy of the socket meanwhile': cut(async ({ socket, pipeUntilUnderWay }) => {
    await pipeUntilUnderWay()
    socket.destroy()
  }),
  'destroy of the socket meanwhile, with an error': cut(async ({ socket, pipeUntilUnderWay }) => {
    await pipeUntilUnderWay()
    socket.destroy(new Error('enough'))
  }),
  'the client goes meanwhile': cut(async ({ incoming, pipeUntilUnderWay }) => {
    await pipeUntilUnderWay()
    ;(await incoming()).destroy()
  }, left),
  'unpipe meanwhile, and the response is ended': cut(async ({ response, letRead, record, pipeUntilUnderWay }) => {
    const source = await pipeUntilUnderWay()
    source.unpipe(response)
    response.end(tail, record.callback('end callback'))
    source.destroy()
    letRead()
  }),

  'pipeline with a callback': offloaded(({ open, response, record }) => {
    record.note('pipeline returned', pipeline(open(), response, record.callback('pipeline')) === response)
  }),
  'pipeline with a promise': offloaded(({ open, response, record }) =>
    record.outcome('pipeline', pipelinePromise(open(), response)),
  ),
  'pipeline with end: false': offloaded(async ({ open, response, record }) => {
    await record.outcome('pipeline', pipelinePromise(open(), response, { end: false }))
    response.end(tail)
  }),
  'pipeline of a large file': offloaded(
    ({ open, response, record }) => record.outcome('pipeline', pipelinePromise(open(), response)),
    { size: largeBytes },
  ),
  'pipeline that is aborted before': exchanged('nothing', async ({ open, response, record }) => {
    const source = open()
    await once(source, 'open')
    await record.outcome('pipeline', pipelinePromise(source, response, { signal: AbortSignal.abort() }))
    if (!response.destroyed) response.end('nothing')
  }),
  'pipeline that is aborted before the file is open': exchanged(
    'nothing',
    async ({ open, response, record }) => {
      await record.outcome('pipeline', pipelinePromise(open(), response, { signal: AbortSignal.abort() }))
      if (!response.destroyed) response.end('nothing')
    },
    { cut: true }, // whether it is before the response has closed is chance
  ),
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
  }, left),
  'pipeline of a file that is not there': exchanged('nothing', async ({ path, watch, response, record }) => {
    const source = watch(createReadStream(`${path}.missing`))
    await record.outcome('pipeline', pipelinePromise(source, response))
  }),
  'pipeline through a transform': exchanged('nothing', ({ open, response, record }) => {
    const transform = new Transform({ transform: (chunk, _encoding, callback) => callback(null, chunk) })
    return record.outcome('pipeline', pipelinePromise(open(), transform, response))
  }),
  'finished of both': offloaded(({ open, response, record }) => {
    const source = open()
    finished(source, record.callback('source finished'))
    finished(response, record.callback('response finished'))
    source.pipe(response)
  }),
  'finished with promises': offloaded(async ({ open, response, record }) => {
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
  'compose with a transform': exchanged('nothing', ({ open, response }) => {
    const upper = new Transform({ transform: (chunk, _encoding, callback) => callback(null, chunk) })
    open().compose(upper).pipe(response)
  }),
  'toWeb and back': exchanged('nothing', ({ open, response }) => {
    Readable.fromWeb(Readable.toWeb(open()) as Parameters<typeof Readable.fromWeb>[0]).pipe(response)
  }),
  'async iteration': exchanged('nothing', async ({ open, response }) => {
    for await (const chunk of open()) if (!response.write(chunk)) await once(response, 'drain')
    response.end()
  }),
  'async iteration after unpipe': exchanged('nothing', async ({ open, response }) => {
    const source = open()
    source.pipe(response)
    source.unpipe(response)
    for await (const chunk of source) response.write(chunk)
    response.end()
  }),
}
