import { EventEmitter } from 'node:events'
import http, { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { FallbackReason } from '../../../src/fallback-reason.js'
import type { ChunkBatch, MessageInternals, WriteCallback } from '../../../src/node-internals.js'
import { optOut } from '../../../src/opt-out.js'
import { MessageDestination } from '../../../src/pipe/message-destination.js'
import { createRangeChunk } from '../../../src/socket/file-range.js'
import { compressionVersions, wrapAsCompression } from '../fixtures/compression-write.js'
import { connectPair, until } from '../fixtures/connection.js'
import { FakeFile } from '../fixtures/fake-binding.js'
import { queueOf } from '../fixtures/range-queue.js'

type Response = ServerResponse & MessageInternals

/** A response to a request of that method, on a connection of its own. */
async function respond(t: Test, method = 'GET', version = '1.1') {
  const connection = await connectPair(t)
  const request = new IncomingMessage(connection.near)
  const [major = 1, minor = 1] = version.split('.').map(Number)
  Object.assign(request, { method, httpVersionMajor: major, httpVersionMinor: minor, httpVersion: version })
  const response = new ServerResponse(request) as Response
  response.assignSocket(connection.near)
  return { ...connection, response, destination: new MessageDestination(response, http) }
}

const clear = { optedOut: false, engine: 'tcp', obstacle: undefined, momentaryObstacle: undefined }

t.test('bytesAtMost: its Content-Length, where it can be understood, asked of nobody else', async (t) => {
  const { response, destination } = await respond(t)
  response.getHeader = () => {
    t.fail('a wrapper heard of it')
    return undefined
  }
  t.equal(destination.bytesAtMost, Number.POSITIVE_INFINITY)
  for (const [value, bytes] of [
    [1000, 1000],
    ['1000', 1000],
    [0, 0],
    [['7'], 7],
    ['7, 7', Number.POSITIVE_INFINITY],
    ['-1', Number.POSITIVE_INFINITY],
  ] as const) {
    response.setHeader('Content-Length', value as string)
    t.equal(destination.bytesAtMost, bytes, String(value))
  }
  const written = await respond(t)
  written.response.writeHead(200, { 'Content-Length': 7 })
  t.equal(written.destination.bytesAtMost, Number.POSITIVE_INFINITY, 'Node keeps no head that was given as a whole')
})

t.test('a response whose turn it is', async (t) => {
  const { near, response, destination } = await respond(t)
  t.equal(destination.object, response)
  t.equal(destination.socket, near)
  t.strictSame(destination.facts(), clear)
  t.equal(
    destination.waitUntilConnected(() => t.fail('nothing to wait for')),
    false,
  )
})

t.test('opted out: the response or its socket', async (t) => {
  const one = await respond(t)
  optOut(one.response, true)
  t.equal(one.destination.facts().optedOut, true)
  const other = await respond(t)
  optOut(other.near, true)
  t.equal(other.destination.facts().optedOut, true)
})

const obstacles: [reason: FallbackReason, what: string, change: (response: Response) => void][] = [
  ['destination-unavailable', 'destroyed', (response) => response.destroy()],
  ['destination-unavailable', 'ended', (response) => response.end()],
  ['destination-unavailable', 'its socket was destroyed', (response) => response.socket?.destroy()],
  ['response-wrapped', 'write', (response) => Object.assign(response, { write: () => true })],
  ['response-wrapped', '_send', (response) => Object.assign(response, { _send: () => true })],
  [
    'strict-content-length',
    'strictContentLength',
    (response) => Object.assign(response, { strictContentLength: true }),
  ],
  ...[100, 103, 204, 304].map((status): (typeof obstacles)[number] => [
    'response-without-body',
    String(status),
    (response) => Object.assign(response, { statusCode: status }),
  ]),
  [
    'socket-wrapped',
    "the socket's write",
    (response) => Object.assign(response.socket as Socket, { write: () => true }),
  ],
]
for (const [reason, what, change] of obstacles) {
  t.test(`${reason}: ${what}`, async (t) => {
    const { response, destination } = await respond(t)
    change(response)
    t.equal(destination.facts().obstacle, reason)
  })
}

t.test('methods that only see the head or the end are no obstacle', async (t) => {
  const { response, destination } = await respond(t)
  const { end, writeHead, setHeader } = response
  Object.assign(response, { end, writeHead, setHeader, statusCode: 206 })
  t.strictSame(destination.facts(), clear)
})

t.test('response-without-body: HEAD', async (t) => {
  const { destination } = await respond(t, 'HEAD')
  t.equal(destination.facts().obstacle, 'response-without-body')
})

const momentary: [reason: FallbackReason, what: string, change: (response: Response) => void][] = [
  [
    'response-not-current',
    'another response is being sent',
    (response) => Object.assign(response.socket as Socket, { _httpMessage: new EventEmitter() }),
  ],
  ['response-not-current', 'bytes that were written are not sent', (response) => response.outputData.push('x')],
  ['response-corked', 'corked', (response) => response.cork()],
]
for (const [reason, what, change] of momentary) {
  t.test(`at the moment ${reason}: ${what}`, async (t) => {
    const { response, destination } = await respond(t)
    change(response)
    t.strictSame(destination.facts(), { ...clear, momentaryObstacle: reason })
  })
}

t.test('a response that waits for those before it: no obstacle, and it is told when its turn comes', async (t) => {
  const { near } = await connectPair(t)
  const response = new ServerResponse(new IncomingMessage(near))
  const destination = new MessageDestination(response, http)
  t.strictSame(destination.facts(), { ...clear, engine: undefined })
  let resumed = 0
  t.equal(
    destination.waitUntilConnected(() => resumed++),
    true,
  )
  await turn()
  t.equal(resumed, 0)
  response.assignSocket(near)
  response.emit('socket', near)
  t.equal(resumed, 0, 'Node flushes first what was written before')
  await turn()
  t.equal(resumed, 1)
  response.emit('close')
  await turn()
  t.equal(resumed, 1)
  t.strictSame([response.listenerCount('socket'), response.listenerCount('close')], [0, 0])
})

t.test('a response whose turn never comes', async (t) => {
  const response = new ServerResponse(new IncomingMessage(new Socket()))
  let resumed = 0
  new MessageDestination(response, http).waitUntilConnected(() => resumed++)
  response.destroy()
  response.emit('close')
  await turn()
  t.equal(resumed, 1)
})

t.test('a request waits for its connection', async (t) => {
  const server = http.createServer((request, response) => {
    request.resume()
    response.end()
  })
  t.teardown(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const request = new ClientRequest({ port, host: '127.0.0.1', method: 'POST', agent: false })
  request.on('error', () => {})
  t.teardown(() => request.destroy())
  const destination = new MessageDestination(request, http)
  t.match(destination.facts(), { engine: undefined, obstacle: undefined, momentaryObstacle: undefined })
  const connected = new Promise<void>((resolve) => t.equal(destination.waitUntilConnected(resolve), true))
  await connected
  t.equal(request.socket?.connecting, false)
  t.strictSame(destination.facts(), clear)
  t.equal(
    destination.waitUntilConnected(() => t.fail('nothing to wait for')),
    false,
  )
  request.end()
})

t.test('a request that was destroyed waits for nothing', async (t) => {
  const request = new ClientRequest('http://127.0.0.1:1/')
  request.on('error', () => {})
  request.destroy()
  const destination = new MessageDestination(request, http)
  t.equal(
    destination.waitUntilConnected(() => t.fail('nothing to wait for')),
    false,
  )
  t.equal(destination.facts().obstacle, 'destination-unavailable')
})

// --- write ---

function makeRange(length: number): Buffer {
  const observer = { rangeOffloaded() {}, rangeFellBack() {} }
  const range = { file: new FakeFile(), offset: 0, remaining: length, observer, bytesSent: 0, bytesOffloaded: 0 }
  return createRangeChunk(range)
}

/** The batches that reach the socket's own writing methods, without the empty chunk of a head that is out already. */
function spy(socket: Socket) {
  const batches: (string | Buffer)[][] = []
  Object.assign(socket, {
    _write(chunk: Buffer | string, _encoding: string, callback: WriteCallback) {
      batches.push([chunk])
      setImmediate(callback)
    },
    _writev(chunks: ChunkBatch, callback: WriteCallback) {
      batches.push(chunks.map(({ chunk }) => chunk).filter((chunk) => chunk !== ''))
      setImmediate(callback)
    },
  })
  return batches
}

const isHead = (chunk: unknown) => /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n$/s.test(String(chunk))

t.test('write: head and range reach the socket in one batch', async (t) => {
  const { near, response, destination } = await respond(t)
  response.setHeader('Content-Length', 1000)
  const batches = spy(near)
  const range = makeRange(1000)
  const done = new Promise<unknown>((resolve) => t.equal(destination.write(range, queueOf(near), resolve), undefined))
  t.notOk(await done)
  t.equal(batches.length, 1)
  t.equal(batches[0]?.length, 2)
  t.ok(isHead(batches[0]?.[0]))
  t.ok(batches[0]?.[1] === range)
  t.equal(near.writableCorked, 0)
  t.equal(near.writableLength, 0)
})

t.test('write: with chunked encoding a range is one chunk of the body', async (t) => {
  const { near, response, destination } = await respond(t)
  const batches = spy(near)
  const [first, second] = [makeRange(1000), makeRange(65_536)]
  for (const range of [first, second]) {
    await new Promise<unknown>((resolve) => t.equal(destination.write(range, queueOf(near), resolve), undefined))
  }
  response.end()
  t.equal(response.chunkedEncoding, true)
  t.ok(isHead(batches[0]?.[0]))
  t.strictSame(batches[0]?.slice(1).map(String), ['3e8\r\n', '', '\r\n'])
  t.ok(batches[0]?.[2] === first)
  t.strictSame(batches[1]?.map(String), ['10000\r\n', '', '\r\n'])
  t.ok(batches[1]?.[1] === second)
  await until(() => batches.flat().map(String).includes('0\r\n\r\n'))
})

t.test('write: after what was written before', async (t) => {
  const { near, response, destination } = await respond(t)
  const batches = spy(near)
  response.write('before')
  await until(() => response.writableCorked === 0 && near.writableLength === 0)
  await new Promise<unknown>((resolve) => t.equal(destination.write(makeRange(5), queueOf(near), resolve), undefined))
  const text = batches.flat().map(String).join('')
  t.match(text, /\r\n\r\n6\r\nbefore\r\n5\r\n\r\n$/)
})

t.test('write: a writeHead that throws leaves nothing written and nothing corked', async (t) => {
  const { near, response, destination } = await respond(t)
  response.writeHead = () => {
    throw new Error("the user's")
  }
  const batches = spy(near)
  t.throws(() => destination.write(makeRange(10), queueOf(near), () => t.fail('nothing was written')), {
    message: "the user's",
  })
  t.equal(near.writableCorked, 0)
  t.strictSame(batches, [])
})

t.test('facts: a connection whose end has been sent takes nothing more', async (t) => {
  const { near, destination } = await respond(t)
  near.end()
  t.equal(destination.facts().obstacle, 'destination-unavailable')
})

t.test('write: a response that turns out to have no body gets its head only', async (t) => {
  const { near, response, destination, received } = await respond(t)
  const { writeHead } = response
  response.writeHead = function (this: ServerResponse, ...parameters: unknown[]) {
    Object.assign(this, { statusCode: 304 })
    return Reflect.apply(writeHead, this, parameters.length > 1 ? [304, ...parameters.slice(1)] : [304])
  } as never
  t.equal(destination.facts().obstacle, undefined)
  const refused = destination.write(makeRange(10), queueOf(near), () => t.fail('nothing was written'))
  t.equal(refused, 'response-without-body')
  t.equal(near.writableCorked, 0)
  await until(() => received().includes('\r\n\r\n'))
  t.match(received(), /^HTTP\/1\.1 304 /)
  t.notMatch(received(), /\r\n\r\n./)
})

t.test('write: a response that turns out to hold bytes back, which a range would overtake', async (t) => {
  const { near, response, destination } = await respond(t)
  const { writeHead } = response
  response.writeHead = function (this: ServerResponse, ...parameters: unknown[]) {
    // As from Node 22 on when it is corked and written to.
    Object.defineProperty(this, 'writableLength', { get: () => near.writableLength + 6 })
    return Reflect.apply(writeHead, this, parameters)
  } as never
  const refused = destination.write(makeRange(10), queueOf(near), () => t.fail('nothing was written'))
  t.equal(refused, 'response-corked')
  t.equal(near.writableCorked, 0)
})

t.test('write: without a socket nothing is written', async (t) => {
  const response = new ServerResponse(new IncomingMessage(new Socket()))
  const refused = new MessageDestination(response, http).write(makeRange(10), queueOf(new Socket()), () =>
    t.fail('nothing was written'),
  )
  t.equal(refused, 'response-not-current')
  t.equal(response.headersSent, false)
})

// --- compression's write, known by its text ---

t.test('a write that hands chunks on unread is passed by', async (t) => {
  for (const version of compressionVersions) {
    const { near, response, destination } = await respond(t)
    wrapAsCompression(response, version)
    t.strictSame(destination.facts(), clear, version)
    const batches = spy(near)
    const chunk = makeRange(1000)
    t.equal(
      destination.write(chunk, queueOf(near), () => {}),
      undefined,
    )
    t.equal(batches.flat().filter((written) => written === chunk).length, 1, 'the range, once')
    t.equal(Object.hasOwn(http.OutgoingMessage.prototype.write, 'call'), false, "Node's own is as before")
    const again = makeRange(1000)
    t.equal(
      destination.write(again, queueOf(near), () => {}),
      undefined,
    )
    await until(() => batches.flat().includes(again))
  }
})

const notPassedBy: [what: string, wrap: (response: ServerResponse) => { compressed?: Buffer[] }][] = [
  ['it compresses', (response) => wrapAsCompression(response, '1.8.2', { compresses: true })],
  [
    'it compresses, and says so',
    (response) => {
      response.setHeader('Content-Encoding', 'gzip')
      return wrapAsCompression(response, '1.8.2')
    },
  ],
  [
    'somebody else is behind it',
    (response) => {
      const { write } = response
      response.write = function (...args: unknown[]) {
        return Reflect.apply(write, this, args)
      }
      return wrapAsCompression(response, '1.8.2')
    },
  ],
  [
    'it has ended',
    (response) =>
      wrapAsCompression(response, '1.8.2', { change: (text) => text.replace('ended = false', 'ended = true') }),
  ],
]
for (const [what, wrap] of notPassedBy) {
  t.test(`response-wrapped, known when the head is made: ${what}`, async (t) => {
    const { near, response, destination } = await respond(t)
    const { compressed = [] } = wrap(response)
    t.strictSame(destination.facts(), clear)
    const batches = spy(near)
    t.equal(
      destination.write(makeRange(1000), queueOf(near), () => t.fail('nothing was written')),
      'response-wrapped',
    )
    t.equal(Object.hasOwn(http.OutgoingMessage.prototype.write, 'call'), false)
    t.equal(Buffer.concat(compressed).length, 0)
    await turn()
    const bytes = batches.flat().filter((chunk) => typeof chunk !== 'string')
    t.equal(Buffer.concat(bytes as Buffer[]).length, 0, 'no bytes of a body')
  })
}

t.test('response-wrapped: a write that is a little other', async (t) => {
  const { response, destination } = await respond(t)
  wrapAsCompression(response, '1.8.2', { change: (text) => text.replace('if (ended)', 'count(chunk); if (ended)') })
  t.equal(destination.facts().obstacle, 'response-wrapped')
})
