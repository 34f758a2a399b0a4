import { once } from 'node:events'
import { createReadStream, type ReadStream } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RequestOptions, ServerOptions } from 'node:https'
import type { Socket } from 'node:net'
import type { Case, Expectation } from './case.js'
import { receive } from './client.js'
import type { Recorder } from './recorder.js'
import type { Stage } from './stage.js'
import { errorOf, stateOfLeftSocket, stateOfResponse, stateOfSource } from './states.js'
import { deferred, turns, until } from './waiting.js'

/** More than the connection holds (4 MiB to send, 6 MiB to receive), and three ranges. */
export const largeBytes = 17 * 2 ** 20
export const smallBytes = 300_001

/** A server's side of an exchange. */
export interface Serving {
  request: IncomingMessage
  response: ServerResponse
  socket: Socket
  record: Recorder
  /** The file that the exchange is about. */
  path: string
  size: number
  /** A stream of it, which is watched. */
  open(options?: SourceOptions): ReadStream
  watch(source: ReadStream, size?: number): ReadStream
  /** Until the client has the first bytes of the body; it takes more only when `letRead` was called. */
  underWay(): Promise<void>
  letRead(): void
  /** Pipes the file into the response, and waits until it is under way. */
  pipeUntilUnderWay(): Promise<ReadStream>
  /** The client's side. */
  incoming(): Promise<IncomingMessage>
}

export type SourceOptions = Exclude<Parameters<typeof createReadStream>[1], string>

export interface ExchangeOptions {
  size?: number
  request?: RequestOptions
  server?: ServerOptions
  /** With a Content-Length: the file is not sent in chunks. */
  announced?: boolean
  /** The client takes the head and the first bytes, and then waits. */
  holdsBack?: boolean
  /** What the response is piped into differs: that it is piped is not compared. */
  throughAnother?: boolean
  /** It is stopped in the middle. How much of the file arrives is chance: what arrives must be its beginning. */
  cut?: boolean
  /** It is the client who stops it. Whether the source is told by a read that was under way, or at once, is chance. */
  clientGoes?: boolean
}

/** The client stops reading with much of a large file still to come. */
export const held: ExchangeOptions = { size: largeBytes, holdsBack: true }

const sourceEvents = ['open', 'ready', 'end', 'close', 'error']
const pipeEvents = ['pipe', 'unpipe']
const responseEvents = ['prefinish', 'finish', 'close', 'error']

/** A case of one request. */
export function exchanged(
  expect: Expectation,
  serve: (serving: Serving) => unknown,
  options: ExchangeOptions = {},
): Case {
  return { expect, play: (stage) => exchange(stage, serve, options) }
}

/** All of it goes through the kernel. */
export function offloaded(serve: (serving: Serving) => unknown, options: ExchangeOptions = {}): Case {
  return exchanged('offloaded', serve, options)
}

/** Somebody stops it in the middle. */
export function cut(serve: (serving: Serving) => unknown, options: ExchangeOptions = held): Case {
  return exchanged('cut', serve, { ...options, cut: true })
}

/** One request, what the server does with it, and everything that either side can see. */
export async function exchange(
  stage: Stage,
  serve: (serving: Serving) => unknown,
  {
    size = smallBytes,
    request: options = {},
    server: serverOptions = {},
    announced = false,
    holdsBack = false,
    throughAnother = false,
    cut = false,
    clientGoes = false,
  }: ExchangeOptions = {},
): Promise<Record<string, unknown>> {
  const { record } = stage
  const path = stage.files.make(size)
  const sources: [ReadStream, number][] = []
  const watch = (source: ReadStream, bytes = size) => {
    sources.push([source, bytes])
    const anywhere = clientGoes ? ['error', 'close'] : []
    // What has happened to it when its file is open depends on the thread pool.
    const isChance = (event: string) => cut || event === 'open' || event === 'ready'
    const state = (of: ReadStream, event: string) => stateOfSource(of, bytes, isChance(event))
    record.watch(sourceName(sources.length), source, sourceEvents, state, anywhere)
    return source
  }
  const isReading = deferred<void>()
  const mayRead = deferred<void>()
  const incoming = deferred<IncomingMessage>()
  if (!holdsBack) mayRead.resolve()
  const served = deferred<{ response: ServerResponse; socket: Socket }>()

  const server = await stage.serveHttp((request, response) => {
    record.inContext('request', () => {
      const { socket } = request
      record.watchSocket(socket, clientGoes)
      record.watch(
        'response',
        response,
        throughAnother ? responseEvents : [...pipeEvents, ...responseEvents],
        (of, event) => {
          // Over TLS the last bytes may be on their way then.
          return stateOfResponse(of, cut || event === 'prefinish' || event === 'unpipe')
        },
      )
      const open = (sourceOptions: SourceOptions = {}) =>
        watch(createReadStream(path, sourceOptions), bytesOf(sourceOptions, size))
      const serving: Serving = {
        request,
        response,
        socket,
        record,
        path,
        size,
        open,
        watch,
        underWay: () => isReading.promise,
        letRead: mayRead.resolve,
        async pipeUntilUnderWay() {
          const source = open()
          source.pipe(response)
          await isReading.promise
          return source
        },
        incoming: () => incoming.promise,
      }
      if (announced) response.setHeader('Content-Length', size)
      Promise.resolve(serve(serving))
        .catch((error) => record.note('served', error))
        .then(() => served.resolve({ response, socket }))
    })
  }, serverOptions)

  const outgoing = stage.request(server, options)
  const client = receive(
    outgoing,
    { record, holdsBack, isReading, mayRead, incoming },
    cut ? stage.files.content(size) : undefined,
  )
  outgoing.end()

  const { response, socket } = await served.promise
  mayRead.resolve()
  if (!response.closed) await once(response, 'close')
  const received = await client
  // A connection that the server has ended is closed when its client does so, which may be after all else.
  if ((socket.writableEnded || socket.destroyed) && !socket.closed) await until(socket, 'close')
  // When a source that was destroyed is closed is the thread pool's business.
  for (const [source] of sources)
    if (source.destroyed && !source.closed && emitsClose(source)) await until(source, 'close')
  if (cut || sources.some(([source]) => !source.closed)) await record.untilQuiet()
  await turns()
  return {
    events: record.seen(cut),
    client: received,
    sources: sources.map(([source, bytes]) => stateOfSource(source, bytes, cut)),
    response: stateOfResponse(response, cut),
    // Later than its last response, if at all.
    socketErrored: clientGoes ? stateOfLeftSocket(socket) : (errorOf(socket) ?? null),
  }
}

function sourceName(number: number): string {
  return number === 1 ? 'source' : `source${number}`
}

function emitsClose(source: ReadStream): boolean {
  return (source as unknown as { _readableState: { emitClose: boolean } })._readableState.emitClose
}

function bytesOf({ start = 0, end = Number.POSITIVE_INFINITY }: ReadRange, size: number): number {
  return Math.max(0, Math.min(end + 1, size) - start)
}

interface ReadRange {
  start?: number | undefined
  end?: number | undefined
}
