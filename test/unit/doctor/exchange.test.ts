import { once } from 'node:events'
import { get } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { exchange } from '../../../src/doctor/exchange.js'

const head = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n'
const briefMs = 100
const longMs = 60_000

async function request(t: Test, answer: (socket: Socket) => void, patienceMs = longMs): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => answer(socket))
    t.teardown(() => socket.destroy())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const sent = get({ port, host: '127.0.0.1', agent: false })
  return exchange(sent, patienceMs, async (response) => (await buffer(response)).toString())
}

t.test('what was read of the response', async (t) => {
  t.equal(await request(t, (socket) => socket.write(`${head}text`)), 'text')
})

t.test('a connection that ends before the response, and in its middle', async (t) => {
  await t.rejects(
    request(t, (socket) => socket.resetAndDestroy()),
    { code: 'ECONNRESET' },
  )
  await t.rejects(
    request(t, (socket) => socket.write(`${head}te`, () => socket.resetAndDestroy())),
    { code: 'ECONNRESET' },
  )
})

t.test('a server that says nothing, or no more', async (t) => {
  const message = 'nothing came for 0.1 seconds'
  await t.rejects(
    request(t, () => {}, briefMs),
    { message },
  )
  await t.rejects(
    request(t, (socket) => socket.write(`${head}te`), briefMs),
    { message },
  )
})
