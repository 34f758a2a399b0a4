// createZeroCopyPipe(destination) where plain Node is given the destination itself: source, response and client see the
// same of everything that ends well.

import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Case, Cases, Expectation } from '../case.js'
import { tail } from '../client.js'
import { type ExchangeOptions, exchange, largeBytes, type Serving } from '../exchange.js'

type Serve = (serving: Serving, zeroCopy: (destination: NodeJS.WritableStream) => Writable) => unknown

export const cases: Cases = {
  pipe: zeroCopied('offloaded', ({ open, response }, zeroCopy) => open().pipe(zeroCopy(response))),
  'pipe of a large file': zeroCopied('offloaded', ({ open, response }, zeroCopy) => open().pipe(zeroCopy(response)), {
    size: largeBytes,
  }),
  'Content-Length': zeroCopied('offloaded', ({ open, response, size }, zeroCopy) => {
    response.setHeader('Content-Length', size)
    open().pipe(zeroCopy(response))
  }),
  'a part of a file': zeroCopied('offloaded', ({ open, response }, zeroCopy) =>
    open({ start: 1000, end: 200_000 }).pipe(zeroCopy(response)),
  ),
  'pipeline with a promise': zeroCopied('offloaded', ({ open, response, record }, zeroCopy) =>
    record.outcome('pipeline', pipeline(open(), zeroCopy(response))),
  ),
  'end: false of pipe()': zeroCopied('offloaded', async ({ open, response }, zeroCopy) => {
    const source = open()
    const pipe = zeroCopy(response)
    source.pipe(pipe, { end: false })
    await once(source, 'end')
    pipe.end(tail)
  }),
  'words before and after': zeroCopied('offloaded', async ({ open, response, record }, zeroCopy) => {
    const pipe = zeroCopy(response)
    pipe.write('before', record.callback('written'))
    const source = open()
    source.pipe(pipe, { end: false })
    await once(source, 'end')
    pipe.end(tail, 'latin1')
  }),
  'words that wait in the pipe for a slow client': zeroCopied(
    'offloaded',
    async ({ open, response, letRead, underWay }, zeroCopy) => {
      response.write(Buffer.alloc(largeBytes, 'before'))
      await underWay()
      const pipe = zeroCopy(response)
      for (const word of ['one', 'two', 'three']) pipe.write(word)
      const source = open()
      source.pipe(pipe)
      await once(source, 'ready')
      letRead()
    },
    { holdsBack: true },
  ),
  'words in a corked pipe': zeroCopied('offloaded', async ({ open, response }, zeroCopy) => {
    const pipe = zeroCopy(response)
    pipe.cork()
    pipe.write('one')
    const source = open()
    source.pipe(pipe)
    await once(source, 'ready')
    pipe.write('two')
    pipe.uncork()
  }),
  'two files, one after the other': zeroCopied('offloaded', async ({ open, response }, zeroCopy) => {
    const pipe = zeroCopy(response)
    const first = open()
    first.pipe(pipe, { end: false })
    await once(first, 'end')
    open().pipe(pipe)
  }),
  'a source that is no file': zeroCopied('nothing', ({ response }, zeroCopy) => {
    Readable.from(['one', Buffer.from('two'), 'three']).pipe(zeroCopy(response))
  }),
  'a source that fails': zeroCopied('nothing', async ({ response, record }, zeroCopy) => {
    async function* words() {
      yield 'one'
      throw new Error('enough')
    }
    await record.outcome('pipeline', pipeline(Readable.from(words()), zeroCopy(response), { end: false }))
    response.destroy()
  }),
  'for await, with back-pressure': zeroCopied('nothing', async ({ open, response }, zeroCopy) => {
    const pipe = zeroCopy(response)
    for await (const chunk of open()) if (!pipe.write(chunk)) await once(pipe, 'drain')
    pipe.end()
  }),
  'as a web stream': zeroCopied('nothing', async ({ open, response, record }, zeroCopy) => {
    const web = Writable.toWeb(zeroCopy(response)) as unknown as Parameters<ReadableStream['pipeTo']>[0]
    await record.outcome('pipeTo', (Readable.toWeb(open()) as unknown as ReadableStream).pipeTo(web))
  }),
  'an empty file': zeroCopied(
    { declined: 'source-empty' },
    ({ open, response }, zeroCopy) => open().pipe(zeroCopy(response)),
    {
      size: 0,
    },
  ),
  'a file that is not there': zeroCopied('nothing', ({ watch, path, response }, zeroCopy) => {
    const source = watch(createReadStream(`${path}.missing`))
    source.pipe(zeroCopy(response))
    source.on('error', () => response.writeHead(404).end('not there'))
  }),
}

function zeroCopied(expect: Expectation, serve: Serve, options: ExchangeOptions = {}): Case {
  return {
    expect,
    play: (stage) => {
      const zeroCopy = (destination: NodeJS.WritableStream) =>
        (stage.package?.createZeroCopyPipe(destination) ?? destination) as Writable
      return exchange(stage, (serving) => serve(serving, zeroCopy), { ...options, throughAnother: true })
    },
  }
}
