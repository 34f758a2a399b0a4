import { once } from 'node:events'
import net from 'node:net'
import t from 'tap'
import type { ChunkBatch, WriteCallback } from '../../../src/node-internals.js'
import { type SocketWork, takeOverHandle, takeOverMethods } from '../../../src/socket/socket-methods.js'
import { asSocket, FakeSocket } from '../fixtures/fake-socket.js'

const nothing = { write() {}, final() {}, destroy() {}, sendsInVain: false, bytesWrittenPastNode: 0 }

function setUp() {
  const socket = new FakeSocket(false)
  const calls: unknown[][] = []
  const methods: SocketWork & { sendsInVain: boolean; bytesWrittenPastNode: number } = {
    write: (chunks: ChunkBatch, callback: WriteCallback) => calls.push(['write', chunks, callback]),
    final: (shutDown: () => void) => calls.push(['final', shutDown]),
    destroy: (error: Error | null, closeSocket: () => void) => calls.push([error, closeSocket]),
    bytesWrittenPastNode: 5,
    sendsInVain: false,
    hasAdvanced: () => false,
  }
  takeOverMethods(asSocket(socket), methods)
  return { socket, calls, methods }
}

t.test('what Writable calls comes to whoever does the work', async (t) => {
  const { socket, calls } = setUp()
  const callback = () => {}
  const batch: ChunkBatch = [{ chunk: 'b', encoding: 'utf8' }]
  socket._write('a', 'latin1', callback)
  socket._writev(batch, callback)
  t.strictSame(calls, [
    ['write', [{ chunk: 'a', encoding: 'latin1' }], callback],
    ['write', batch, callback],
  ])
  t.equal(calls[1]?.[1], batch)
  t.strictSame(socket.ordinary, [])
})

t.test("Node's own end and close are done when they are asked for, with what they were given", async (t) => {
  const { socket, calls } = setUp()
  const ended: unknown[] = []
  const failure = new Error('why')
  socket._final((...parameters) => ended.push(['final', ...parameters]))
  socket._destroy(failure, (...parameters) => ended.push(['destroy', ...parameters]))
  t.strictSame(socket.events, [], 'not before')
  t.equal(calls[1]?.[0], failure)
  for (const [, goOn] of calls) (goOn as () => void)()
  t.strictSame(socket.events, ['shutDown', 'closed'])
  t.strictSame(ended, [['final'], ['destroy', failure]])
})

t.test('what is sent in vain is not waited for', async (t) => {
  const { socket, methods } = setUp()
  socket.destroySoon()
  t.strictSame(socket.events, ['destroySoon'])
  methods.sendsInVain = true
  socket.destroySoon()
  t.strictSame(socket.events, ['destroySoon'])
  t.ok(socket.destroyed)
})

t.test('a socket has no more to list than before', async (t) => {
  const { socket } = setUp()
  t.strictSame(Object.keys(socket), Object.keys(new FakeSocket(false)))
})

t.test('the handle counts what went past it', async (t) => {
  const { socket, methods } = setUp()
  t.equal(socket._handle?.bytesWritten, 1005)
  methods.bytesWrittenPastNode = 2 ** 40
  t.equal(socket._handle?.bytesWritten, 1000 + 2 ** 40)
})

t.test('a socket without a handle', async (t) => {
  const socket = new FakeSocket(false)
  socket._handle = null
  const methods = { ...nothing, hasAdvanced: () => false }
  t.doesNotThrow(() => takeOverMethods(asSocket(socket), methods))
  t.ok(Object.hasOwn(socket, '_write'))
})

t.test('a handle that comes to another socket counts for that one', async (t) => {
  const { socket, methods } = setUp()
  const other = new FakeSocket(false)
  other._handle = socket._handle
  takeOverMethods(asSocket(other), { ...methods, bytesWrittenPastNode: 7, hasAdvanced: () => false })
  t.equal(other._handle?.bytesWritten, 1007)
})

t.test('through a Proxy around the socket', async (t) => {
  const { socket, calls } = setUp()
  const callback = () => {}
  new Proxy(socket, {})._write('a', 'latin1', callback)
  t.strictSame(calls, [['write', [{ chunk: 'a', encoding: 'latin1' }], callback]])
})

t.test('another handle of the same socket', async (t) => {
  const { socket } = setUp()
  t.equal(takeOverHandle(asSocket(socket)), false, 'it is known')
  const counter = { get: () => 20 }
  socket._handle = Object.create(Object.create(null, { bytesWritten: counter }))
  t.equal(takeOverHandle(asSocket(socket)), true)
  t.equal(socket._handle?.bytesWritten, 25)
  socket._handle = null
  t.equal(takeOverHandle(asSocket(socket)), false)
})

t.test('an idle timer, set before or later, asks whether bytes have left', async (t) => {
  const alive = setInterval(() => {}, 1000) // an idle timer keeps no process
  t.teardown(() => clearInterval(alive))
  for (const when of ['before', 'later']) {
    const socket = new net.Socket()
    t.teardown(() => socket.destroy())
    let timeouts = 0
    let asked = 0
    socket.on('timeout', () => timeouts++)
    if (when === 'before') socket.setTimeout(20)
    const methods = { ...nothing, hasAdvanced: () => ++asked < 4 }
    takeOverMethods(socket as never, methods)
    if (when === 'later') socket.setTimeout(20)
    await once(socket, 'timeout')
    t.equal(asked, 4, when)
    t.equal(timeouts, 1)
  }
})
