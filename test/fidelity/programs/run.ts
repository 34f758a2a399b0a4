import { createReadStream, type ReadStream } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { Collector } from '../../support/collector.js'
import { tail } from '../client.js'
import { Connection } from '../connection.js'
import { collectData } from '../consumers.js'
import type { Files } from '../files.js'
import type { Stage } from '../stage.js'
import { turns, until } from '../waiting.js'
import type { Exchange, FileStep, Program, Step, WordStep } from './program.js'

export interface Tally {
  files: number
  offloaded: number
  /** A part of them by the kernel, the rest the ordinary way. */
  switched: number
}

export interface Run {
  /** Within the time that it had. */
  isOver: boolean
  seen: unknown
  tally: Tally
}

/** Runs a program: what both sides see of it, and how its files went. */
export async function run({ exchanges, pipelined, readerWaits }: Program, stage: Stage): Promise<Run> {
  const tally: Tally = { files: 0, offloaded: 0, switched: 0 }
  const served: Promise<unknown>[] = []
  const server = await stage.serveHttp((request, response) => {
    const index = Number(request.url?.slice(1))
    served[index] = serve(exchanges[index] as Exchange, response, stage, tally)
  })
  const connection = await Connection.open(stage, server)
  const paths = exchanges.map((_exchange, index) => `/${index}`)
  if (pipelined) connection.ask(...paths)
  const answers: unknown[] = []
  for (const [index, { end }] of exchanges.entries()) {
    if (!pipelined) connection.ask(`/${index}`)
    await turns(readerWaits)
    const answer = await connection.answer()
    // How far it came is chance.
    answers.push(end === 'cut' ? 'cut' : answer)
    // Whether a quick client asks before a response has ended is chance; one that is destroyed while it waits for the one
    // before it never ends its connection, in plain Node either.
    if (!pipelined) await served[index]
  }
  const last = exchanges.at(-1)
  const ends = last?.framing === 'close' && last.end !== 'cut'
  const nothingElse = !ends || (await connection.ended()).bytes.length === 0
  return { isOver: true, seen: { answers, served: await Promise.all(served), nothingElse }, tally }
}

async function serve({ framing, steps, end }: Exchange, response: ServerResponse, stage: Stage, tally: Tally) {
  const closed = until(response, 'close')
  const seen: Promise<unknown>[] = []
  response.sendDate = false
  if (framing === 'close') response.setHeader('Connection', 'close')
  if (framing === 'length') {
    response.setHeader(
      'Content-Length',
      steps.reduce((sum, step) => sum + lengthOf(step), end === 'end' ? 0 : tail.length),
    )
  }
  for (const step of steps) {
    if (step.kind === 'words') seen.push(writeWords(step, response, stage.files))
    else await pipeFile(step, response, stage, tally, seen)
  }
  if (end === 'cut') response.destroy()
  else response.end(end === 'end' ? undefined : tail)
  await closed
  const { writableFinished, destroyed, headersSent } = response
  // Of one that is cut it is chance whether it was whole before.
  return end === 'cut' ? 'cut' : { seen: await Promise.all(seen), writableFinished, destroyed, headersSent }
}

function lengthOf(step: Step): number {
  if (step.kind === 'words') return step.bytes * step.times
  return partOf(step) + (step.meanwhile === 'unshift' ? tail.length : 0)
}

function partOf({ size, start, length }: FileStep): number {
  return Math.max(0, Math.min(size - start, length))
}

async function writeWords(
  { bytes, times, corked }: WordStep,
  response: ServerResponse,
  files: Files,
): Promise<unknown> {
  const content = files.content(bytes)
  const written: number[] = []
  const all: Promise<void>[] = []
  if (corked) response.cork()
  for (let i = 0; i < times; ++i) {
    const isWritten = new Promise<void>((resolve) => {
      response.write(content, () => {
        written.push(i)
        resolve()
      })
    })
    all.push(isWritten)
  }
  if (corked) response.uncork()
  await Promise.all(all)
  return written
}

/** Goes on at the source's 'end', as applications do; what it saw comes with its 'close'. */
async function pipeFile(
  step: FileStep,
  response: ServerResponse,
  stage: Stage,
  tally: Tally,
  seen: Promise<unknown>[],
) {
  const { size, start, length, highWaterMark } = step
  const path = stage.files.make(size)
  const source = createReadStream(path, { start, highWaterMark, end: start + length - 1 })
  const ended = until(source, 'end')
  const closed = until(source, 'close')
  const offloadedBefore = bytesOffloaded(stage, response)
  const other = await pipeAnd(step, source, response)
  await ended
  const offloaded = bytesOffloaded(stage, response) - offloadedBefore
  tally.files++
  if (offloaded > 0) tally.offloaded++
  if (offloaded > 0 && offloaded < source.bytesRead) tally.switched++
  const state = () => ({
    bytesRead: source.bytesRead,
    didRead: source.readableDidRead,
    others: other === undefined || isPart(other(), stage.files.content(size)),
  })
  seen.push(closed.then(state))
}

/** Pipes, and does to the source what it says, when it says. Returns what another consumer got. */
async function pipeAnd({ meanwhile, when, turns: count }: FileStep, source: ReadStream, response: ServerResponse) {
  let other: (() => Buffer) | undefined
  const pipe = () => source.pipe(response, { end: false })
  const act = {
    nothing: () => {},
    decode: () => source.setEncoding('utf8'),
    unshift: () => {},
    'pause, resume': async () => {
      source.pause()
      await turns(count)
      source.resume()
    },
    'unpipe, pipe': async () => {
      source.unpipe(response)
      await turns(count)
      pipe()
    },
    listen: () => {
      other = collectData(source).bytes
    },
    'listen, forget': async () => {
      const collector = new Collector()
      const listener = (chunk: Buffer | string) => collector.write(chunk)
      source.on('data', listener)
      other = () => collector.bytes
      await turns(count)
      source.off('data', listener)
    },
    'second pipe': () => {
      const collector = new Collector()
      other = () => collector.bytes
      source.pipe(collector)
    },
    'second pipe, unpipe': async () => {
      const collector = new Collector()
      other = () => collector.bytes
      source.pipe(collector)
      await turns(count)
      source.unpipe(collector)
    },
  }[meanwhile]
  if (meanwhile === 'unshift') source.unshift(tail)
  // Nothing may be read before it is piped: how much would be chance.
  const begun = when === 'before' && meanwhile !== 'unpipe, pipe' ? act() : undefined
  pipe()
  await begun
  if (when === 'open') await until(source, 'open')
  if (when === 'later') await turns(count)
  if (when !== 'before' && !source.readableEnded) await act()
  return other
}

function bytesOffloaded(stage: Stage, response: ServerResponse): number {
  return stage.package?.getOffloadState(response).bytesOffloaded ?? 0
}

/** Which part another consumer gets is chance; that it is one is not. */
function isPart(bytes: Buffer, content: Buffer): boolean {
  return content.includes(bytes)
}
