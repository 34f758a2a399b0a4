import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { connect as connectTls, createSecureContext, TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { HandOverStatus } from '../../../src/native/binding.js'
import { optOut } from '../../../src/opt-out.js'
import {
  engineOf,
  SocketDestination,
  socketObstacle,
  waitUntilConnected,
} from '../../../src/pipe/socket-destination.js'
import { createRangeChunk } from '../../../src/socket/file-range.js'
import { SocketWriter } from '../../../src/socket/socket-writer.js'
import { certificate } from '../../support/certificate.js'
import { connectPair, until } from '../fixtures/connection.js'
import { FakeBinding, FakeFile } from '../fixtures/fake-binding.js'
import { queueOf } from '../fixtures/range-queue.js'
import { useBinding } from '../fixtures/slots.js'

const binding = new FakeBinding()
useBinding(binding)

t.test('a connected socket', async (t) => {
  const { near } = await connectPair(t)
  t.strictSame(new SocketDestination(near).facts(), {
    optedOut: false,
    engine: 'tcp',
    obstacle: undefined,
    momentaryObstacle: undefined,
  })
})

t.test('engineOf', async (t) => {
  t.equal(engineOf(new Socket()), 'tcp')
  t.equal(engineOf(new TLSSocket(new PassThrough())), 'tls')
})

t.test('opted out', async (t) => {
  const { near } = await connectPair(t)
  optOut(near, true)
  t.equal(new SocketDestination(near).facts().optedOut, true)
})

t.test('destroyed or ended', async (t) => {
  for (const close of [(socket: Socket) => socket.destroy(), (socket: Socket) => socket.end()]) {
    const { near } = await connectPair(t)
    // What comes first: it is no more use to look at its methods.
    near.write = () => true
    close(near)
    t.equal(new SocketDestination(near).facts().obstacle, 'destination-unavailable')
  }
})

t.test('wrapped: somebody else writes to it', async (t) => {
  for (const name of ['write', '_write', '_writev'] as const) {
    const { near } = await connectPair(t)
    Object.assign(near, { [name]: () => true })
    t.equal(socketObstacle(near), 'socket-wrapped', name)
  }
  const { near } = await connectPair(t)
  Object.assign(near, { end: near.end, destroy: near.destroy })
  t.equal(socketObstacle(near), undefined, 'other methods do not matter')
})

t.test('wrapped: not by the methods that the writer has put there', async (t) => {
  const { near } = await connectPair(t)
  SocketWriter.of(near, binding)
  t.equal(socketObstacle(near), undefined)
  near.write = () => true
  t.equal(socketObstacle(near), 'socket-wrapped')
})

t.test('not on TCP: a socket file, another stream, another TLS session', async (t) => {
  // The path of a socket file is short (unix(7)).
  const folder = mkdtempSync(join(tmpdir(), 'ktls-pipe-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const { near } = await connectPair(t, join(folder, 'socket'))
  t.equal(socketObstacle(near), 'socket-not-tcp')
  t.equal(socketObstacle(new TLSSocket(new PassThrough())), 'socket-not-tcp')
  const tcp = await connectPair(t)
  const below = new TLSSocket(tcp.near)
  t.equal(socketObstacle(below), undefined, 'TLS on TCP')
  t.equal(socketObstacle(new TLSSocket(below)), 'socket-not-tcp', 'TLS on TLS on TCP')
})

t.test('not known before it is connected', async (t) => {
  const socket = new Socket()
  t.teardown(() => socket.destroy())
  t.equal(socketObstacle(socket), 'destination-unavailable', 'nobody connects it')
  socket.on('error', () => {}).connect(1, '127.0.0.1')
  t.equal(socketObstacle(socket), undefined)
})

t.test('a stream that is no net.Socket', async (t) => {
  t.equal(socketObstacle(new PassThrough() as never), 'socket-not-tcp')
})

t.test('write methods of a class, or in place of those that the package has put there', async (t) => {
  const { near } = await connectPair(t)
  class Counting extends Socket {
    override write(...parameters: never[]): boolean {
      return Reflect.apply(super.write, this, parameters)
    }
  }
  const own = Object.setPrototypeOf(near, Counting.prototype) as Socket
  t.equal(socketObstacle(own), 'socket-wrapped')
  Object.setPrototypeOf(near, Socket.prototype)
  t.equal(socketObstacle(near), undefined)
  SocketWriter.of(near, new FakeBinding())
  t.equal(socketObstacle(near), undefined, 'the package has put its own there')
  for (const name of ['_write', '_writev'] as const) {
    const internals = near as unknown as Record<typeof name, (...parameters: unknown[]) => void>
    const before = internals[name]
    internals[name] = (...parameters) => before.apply(near, parameters)
    t.equal(socketObstacle(near), 'socket-wrapped', name)
    internals[name] = before
  }
  t.equal(socketObstacle(near), undefined)
})

t.test('HTTP/2 was agreed upon', async (t) => {
  const { near } = await connectPair(t)
  const socket = new TLSSocket(near)
  for (const [alpn, obstacle] of [
    ['h2', 'http2'],
    ['http/1.1', undefined],
    [false, undefined],
  ] as const) {
    socket.alpnProtocol = alpn as never
    t.equal(socketObstacle(socket), obstacle, String(alpn))
  }
})

t.test('a session that was refused for good', async (t) => {
  const { near } = await connectPair(t)
  const socket = new TLSSocket(near)
  Object.assign(socket, { getFinished: () => Buffer.from('finished') })
  const writer = SocketWriter.of(socket, new FakeBinding().answerHandOver(HandOverStatus.CipherUnsupported))
  const observer = { rangeOffloaded() {}, rangeFellBack() {} }
  const range = { file: new FakeFile(), offset: 0, remaining: 5, observer, bytesSent: 0, bytesOffloaded: 0 }
  t.equal(socketObstacle(socket), undefined)
  writer.write([{ chunk: createRangeChunk(range), encoding: 'buffer' }], () => {})
  t.equal(socketObstacle(socket), 'cipher-unsupported')
})

t.test('write: the chunk takes its place in the queue of the socket', async (t) => {
  const { near, received } = await connectPair(t)
  const chunk = Buffer.from('range')
  let called = 0
  near.write('before ')
  t.equal(
    new SocketDestination(near).write(chunk, queueOf(near), () => called++),
    undefined,
  )
  near.write(' after')
  await until(() => received() === 'before range after')
  t.equal(called, 1)
})

/** How often it was resumed. */
function wait(socket: Socket) {
  const state = { resumed: 0, waits: false }
  state.waits = waitUntilConnected(socket, () => state.resumed++)
  return state
}

const listeners = (socket: Socket) => ['connect', 'close'].map((name) => socket.listenerCount(name))

async function listen(t: Test): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => {}).resume())
  t.teardown(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as { port: number }).port
}

t.test('waitUntilConnected: nothing to wait for', async (t) => {
  const { near, far } = await connectPair(t)
  t.strictSame(wait(near), { waits: false, resumed: 0 })
  near.destroy()
  t.strictSame(wait(near), { waits: false, resumed: 0 })
  t.strictSame(wait(new Socket()), { waits: false, resumed: 0 })
  far.destroy()
})

t.test('waitUntilConnected: once, when it is connected', async (t) => {
  const socket = connect(await listen(t), '127.0.0.1')
  t.teardown(() => socket.destroy())
  const before = listeners(socket)
  const state = wait(socket)
  t.strictSame(state, { waits: true, resumed: 0 })
  await new Promise((resolve) => socket.once('connect', resolve))
  t.equal(state.resumed, 1)
  t.strictSame(listeners(socket), before, 'no listener is left')
  socket.destroy()
  await new Promise((resolve) => socket.once('close', resolve))
  t.equal(state.resumed, 1)
})

t.test('waitUntilConnected: once, when it fails', async (t) => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  const state = wait(socket)
  t.strictSame(state, { waits: true, resumed: 0 })
  await new Promise((resolve) => socket.once('close', resolve))
  await turn()
  t.equal(state.resumed, 1)
})

for (const side of ['the server', 'the client'] as const) {
  t.test(`waitUntilConnected: TLS on a socket of one's own is connected when it is secure (${side})`, async (t) => {
    const { near, far } = await connectPair(t)
    far.removeAllListeners('data').pause()
    const server = new TLSSocket(near, { isServer: true, secureContext: createSecureContext(await certificate()) })
    const socket = side === 'the server' ? server : new TLSSocket(far)
    for (const end of [server, socket]) end.on('error', () => {})
    const state = wait(socket)
    if (state.waits) t.equal(state.resumed, 0, 'no key is agreed upon yet')
    const secure = new Promise((resolve) => server.once('secure', resolve))
    if (side === 'the server') connectTls({ socket: far, rejectUnauthorized: false }).on('error', () => {})
    else Reflect.get(Reflect.get(socket, '_handle') as object, 'start').call(Reflect.get(socket, '_handle'))
    await secure
    await until(() => socket.getFinished() !== undefined)
    await turn()
    t.equal(state.resumed, state.waits ? 1 : 0)
    t.strictSame(wait(socket), { waits: false, resumed: 0 }, 'and there is nothing more to wait for')
  })
}

for (const missing of ['getFinished', 'getPeerFinished'] as const) {
  t.test(`waitUntilConnected: one end has finished its handshake, and the other has not (${missing})`, async (t) => {
    const { near } = await connectPair(t)
    const socket = new TLSSocket(near)
    const said = Buffer.from('finished')
    Object.assign(socket, {
      secureConnecting: true,
      getFinished: () => said,
      getPeerFinished: () => said,
      [missing]: () => undefined,
    })
    const state = wait(socket)
    t.strictSame(state, { waits: true, resumed: 0 })
    socket.emit('secure')
    t.equal(state.resumed, 1)
  })
}

t.test('waitUntilConnected: a TLS connection that is being made', async (t) => {
  const { near, far } = await connectPair(t)
  far.removeAllListeners('data').pause()
  const server = new TLSSocket(near, { isServer: true, secureContext: createSecureContext(await certificate()) })
  server.on('error', () => {})
  const socket = connectTls({ socket: far, rejectUnauthorized: false })
  socket.on('error', () => {})
  const state = wait(socket)
  t.strictSame(state, { waits: true, resumed: 0 })
  await new Promise((resolve) => socket.once('secureConnect', resolve))
  await turn()
  t.equal(state.resumed, 1)
  t.strictSame(wait(socket), { waits: false, resumed: 0 })
  socket.destroy()
  await new Promise((resolve) => socket.once('close', resolve))
  t.equal(state.resumed, 1)
})
