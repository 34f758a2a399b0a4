import t from 'tap'
import type { ChunkBatch, InternalSocket } from '../../../src/node-internals.js'
import { OrdinaryWrites } from '../../../src/socket/ordinary-writes.js'

function setUp() {
  const calls: unknown[][] = []
  const socket = {
    _write(...parameters: unknown[]) {
      calls.push([this, '_write', ...parameters])
    },
    _writev(...parameters: unknown[]) {
      calls.push([this, '_writev', ...parameters])
    },
  }
  const ordinary = new OrdinaryWrites(socket as unknown as InternalSocket)
  return { socket, calls, ordinary }
}

const callback = () => {}

t.test('one chunk takes _write, several take _writev, with this and callback as Node has them', async (t) => {
  const { socket, calls, ordinary } = setUp()
  const one: ChunkBatch = [{ chunk: 'a', encoding: 'latin1' }]
  const two: ChunkBatch = [...one, { chunk: Buffer.from('b'), encoding: 'buffer' }]
  ordinary.write(one, callback)
  ordinary.write(two, callback)
  t.strictSame(calls, [
    [socket, '_write', 'a', 'latin1', callback],
    [socket, '_writev', two, callback],
  ])
  t.equal(calls[1]?.[2], two, 'the batch itself, with what Node has put on it')
})

t.test('they stay the methods that the socket had, whoever replaces them later', async (t) => {
  const { socket, calls, ordinary } = setUp()
  const { _write, _writev } = socket
  socket._write = () => t.fail('the later _write was called')
  socket._writev = () => t.fail('the later _writev was called')
  ordinary.write([{ chunk: 'a', encoding: 'utf8' }], callback)
  ordinary.write([], callback)
  ordinary.flush(callback)
  t.strictSame(
    calls.map(([, name]) => name),
    ['_write', '_writev', '_write'],
  )
  t.ok(_write !== socket._write && _writev !== socket._writev)
})

t.test('flush: an empty write that waits its turn', async (t) => {
  const { calls, ordinary } = setUp()
  ordinary.flush(callback)
  const [, name, chunk, encoding, given] = calls[0] ?? []
  t.strictSame([calls.length, name, encoding, given], [1, '_write', 'buffer', callback])
  t.ok(Buffer.isBuffer(chunk) && chunk.length === 0)
})
