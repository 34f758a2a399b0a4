import { createReadStream } from 'node:fs'
import http, { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import http2 from 'node:http2'
import { Socket } from 'node:net'
import { PassThrough, Writable } from 'node:stream'
import { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { HandOverStatus } from '../../src/native/binding.js'
import { remember } from '../../src/observe/remembered.js'
import { getOffloadState, setOffload } from '../../src/offload-state.js'
import { isOptedOut } from '../../src/opt-out.js'
import { createZeroCopyPipe } from '../../src/pipe/zero-copy-pipe.js'
import { createRangeChunk } from '../../src/socket/file-range.js'
import { SocketWriter } from '../../src/socket/socket-writer.js'
import { FakeBinding, FakeFile, FakeQueue } from './fixtures/fake-binding.js'
import { asSocket, fakeTlsSocket } from './fixtures/fake-socket.js'
import { throwsInvalidArgument } from './fixtures/invalid-argument.js'
import { useBinding } from './fixtures/slots.js'

const plain = () => new Socket()
const secured = () => new TLSSocket(new PassThrough())

function openFile(t: Test) {
  const stream = createReadStream(import.meta.filename ?? process.argv[1] ?? '')
  stream.on('error', () => {})
  t.teardown(() => stream.destroy())
  return stream
}

/** A response of the class that a server would make, with or without a socket. */
function makeResponse(socket: Socket | undefined, requestSocket = socket ?? plain()) {
  const response = new ServerResponse(new IncomingMessage(requestSocket))
  if (socket !== undefined) response.assignSocket(socket)
  return response
}

t.test('of a socket', async (t) => {
  t.strictSame(getOffloadState(plain()), { encryption: 'none', bytesOffloaded: 0 })
  t.strictSame(getOffloadState(secured()), { encryption: 'userspace', bytesOffloaded: 0 })
})

t.test('of a socket that was handed over', async (t) => {
  const binding = new FakeBinding()
  useBinding(binding)
  const fake = fakeTlsSocket()
  const socket = asSocket(fake)
  SocketWriter.of(socket, binding)
  t.strictSame(getOffloadState(socket), { encryption: 'userspace', bytesOffloaded: 0 })
  binding.answerHandOver(HandOverStatus.Done, new FakeQueue())
  const observer = { rangeOffloaded() {}, rangeFellBack() {} }
  const range = { file: new FakeFile(), offset: 0, remaining: 5, observer, bytesSent: 0, bytesOffloaded: 0 }
  fake._write(createRangeChunk(range), 'buffer', () => {})
  t.strictSame(getOffloadState(socket), { encryption: 'kernel', bytesOffloaded: 0 })
})

t.test('of requests and responses: what their socket is', async (t) => {
  t.strictSame(getOffloadState(makeResponse(plain())), { encryption: 'none', bytesOffloaded: 0 })
  t.strictSame(getOffloadState(makeResponse(secured())), { encryption: 'userspace', bytesOffloaded: 0 })
  t.strictSame(getOffloadState(new IncomingMessage(secured())), { encryption: 'userspace', bytesOffloaded: 0 })
  const request = new ClientRequest('http://127.0.0.1:1/')
  request.on('error', () => {})
  t.strictSame(getOffloadState(request), { encryption: 'none', bytesOffloaded: 0 }, 'none as yet')
  request.destroy()
})

t.test("of a response whose turn has not come, or is over: its request's socket", async (t) => {
  t.match(getOffloadState(makeResponse(undefined, secured())), { encryption: 'userspace' })
  const socket = secured()
  const response = makeResponse(socket)
  response.detachSocket(socket)
  t.match(getOffloadState(response), { encryption: 'userspace' })
})

t.test('what is remembered comes first, and is not handed out itself', async (t) => {
  const response = makeResponse(plain())
  Object.assign(remember(response), { encryption: 'kernel', bytesOffloaded: 42, fallbackReason: 'source-shared' })
  const state = getOffloadState(response)
  t.strictSame(state, { encryption: 'kernel', bytesOffloaded: 42, fallbackReason: 'source-shared' })
  state.bytesOffloaded = 0
  t.equal(getOffloadState(response).bytesOffloaded, 42)
})

t.test('of a zero-copy pipe: what its destination is', async (t) => {
  const socket = secured()
  const pipe = createZeroCopyPipe(socket)
  t.strictSame(getOffloadState(pipe), { encryption: 'userspace', bytesOffloaded: 0 })
  remember(socket).bytesOffloaded = 9
  t.equal(getOffloadState(pipe).bytesOffloaded, 9)
  t.strictSame(getOffloadState(createZeroCopyPipe(new PassThrough())), { encryption: 'none', bytesOffloaded: 0 })
})

t.test('of anything else it is a TypeError', async (t) => {
  const others = [undefined, null, 'x', 5, {}, [], new PassThrough(), new Writable(), openFile(t), new http.Agent()]
  for (const of of others) {
    throwsInvalidArgument(t, 'of', of, () => getOffloadState(of as object))
  }
})

t.test('setOffload: for sockets, requests, responses and file streams', async (t) => {
  for (const object of [plain(), secured(), makeResponse(plain()), new IncomingMessage(plain()), openFile(t)]) {
    setOffload(object, false)
    t.equal(isOptedOut(object), true, object.constructor.name)
    setOffload(object, false)
    setOffload(object, true)
    t.equal(isOptedOut(object), false, object.constructor.name)
  }
})

t.test('setOffload: wrong arguments change nothing', async (t) => {
  const socket = plain()
  for (const wrong of [undefined, null, 0, 'false', {}]) {
    throwsInvalidArgument(t, 'offload', wrong, () => setOffload(socket, wrong as never))
  }
  t.equal(isOptedOut(socket), false)
  for (const wrong of [undefined, null, {}, new PassThrough(), createZeroCopyPipe(new PassThrough()), 'x']) {
    throwsInvalidArgument(t, 'of', wrong, () => setOffload(wrong as never, false))
  }
})

t.test('of HTTP/2: that is the reason, whoever encrypts; to leave it to Node changes nothing', async (t) => {
  const server = http2.createServer()
  const seen = new Promise<unknown[]>((resolve, reject) => {
    server.on('request', (request, response) => {
      const objects = [request, response, request.stream]
      try {
        for (const object of objects) setOffload(object, false)
        resolve(objects.map(getOffloadState))
      } catch (error) {
        reject(error)
      }
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const client = http2.connect(`http://127.0.0.1:${(server.address() as { port: number }).port}`)
  t.teardown(() => client.close())
  client.request({ ':path': '/' }).resume()
  const state = { encryption: 'none', bytesOffloaded: 0, fallbackReason: 'http2' }
  t.strictSame(await seen, [state, state, state])
  const request = new http2.Http2ServerRequest({ on() {}, session: { encrypted: true } } as never, {}, {}, [])
  t.strictSame(getOffloadState(request), { ...state, encryption: 'userspace' })
})
