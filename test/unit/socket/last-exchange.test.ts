import { once } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import net from 'node:net'
import t, { type Test } from 'tap'
import { asInternal } from '../../../src/node-internals.js'
import { endAfterExchange, isBetweenExchanges } from '../../../src/socket/last-exchange.js'
import { listen } from '../../support/servers.js'

t.setTimeout(60_000)

async function serve(t: Test, listener: (request: IncomingMessage, response: ServerResponse) => void) {
  // Nobody else ends a connection.
  const server = http.createServer({ keepAliveTimeout: 0 }, listener)
  const port = await listen(t, server)
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const get = async (withSocket = (_socket: net.Socket) => {}) => {
    const request = http.request({ port, agent }).once('socket', withSocket).end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const { socket } = response
    let text = ''
    for await (const chunk of response) text += chunk
    return { text, socket, connection: response.headers.connection }
  }
  return { agent, get, port }
}

t.test('a response whose head has gone: whole, then the connection ends', async (t) => {
  const { get } = await serve(t, (request, response) => {
    response.write('one ')
    endAfterExchange(asInternal(request.socket))
    response.end('two')
  })
  const { text, socket, connection } = await get()
  t.equal(text, 'one two')
  t.equal(connection, 'keep-alive')
  if (!socket.closed) await once(socket, 'close')
})

t.test('a response whose head is to come says so', async (t) => {
  const { get } = await serve(t, (request, response) => {
    endAfterExchange(asInternal(request.socket))
    response.end('text')
  })
  const { text, connection } = await get()
  t.equal(text, 'text')
  t.equal(connection, 'close')
})

t.test('a connection between two exchanges ends at once', async (t) => {
  const sockets: net.Socket[] = []
  const { get } = await serve(t, (request, response) => {
    sockets.push(request.socket)
    t.notOk(isBetweenExchanges(asInternal(request.socket)))
    response.end('text')
  })
  const { socket } = await get()
  const [own] = sockets as [net.Socket]
  t.ok(isBetweenExchanges(asInternal(own)))
  endAfterExchange(asInternal(own))
  t.notOk(isBetweenExchanges(asInternal(own)), 'it has ended')
  if (!socket.closed) await once(socket, 'close')
})

t.test('pipelined: what the client was promised is answered, then the connection ends', async (t) => {
  const { port } = await serve(t, (request, response) => {
    response.write(`${request.url} `)
    if (request.url === '/1') {
      endAfterExchange(asInternal(request.socket))
      setImmediate(() => response.end('one '))
    } else {
      response.end('two ')
    }
  })
  const socket = net.connect(port)
  socket.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n')
  let text = ''
  for await (const chunk of socket) text += chunk
  t.match(text, /one .*two /s)
})

t.test('a request of a client: its answer is read, then the connection ends', async (t) => {
  const { get } = await serve(t, (_request, response) => response.end('text'))
  const { text, socket } = await get((assigned) => endAfterExchange(asInternal(assigned)))
  t.equal(text, 'text')
  if (!socket.closed) await once(socket, 'close')
})

t.test('an upload whose answer has come already: it is sent whole, then the connection ends', async (t) => {
  const { agent, port } = await serve(t, (_request, response) => response.end('text'))
  for (const asked of ['before the answer', 'after it']) {
    const request = http.request({ port, agent, method: 'POST' })
    request.write('begin ')
    if (asked === 'before the answer') {
      const [socket] = (await once(request, 'socket')) as [net.Socket]
      endAfterExchange(asInternal(socket))
    }
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const { socket } = response
    await once(response.resume(), 'end')
    if (asked === 'after it') endAfterExchange(asInternal(socket))
    await new Promise(setImmediate)
    t.notOk(socket.writableEnded, 'the rest may still be sent')
    request.end('end')
    await once(socket, 'close')
    t.ok(request.writableFinished, asked)
  }
})

t.test('a connection that waits in a pool leaves it and ends', async (t) => {
  const { agent, get } = await serve(t, (_request, response) => response.end('text'))
  await get()
  await new Promise(setImmediate) // it becomes free
  const [free] = Object.values(agent.freeSockets).flat() as [net.Socket]
  t.notOk(isBetweenExchanges(asInternal(free)), 'a client that waits is nobody we speak for')
  endAfterExchange(asInternal(free))
  t.same(agent.freeSockets, {})
  if (!free.closed) await once(free, 'close')
  const { text, socket } = await get()
  t.equal(text, 'text')
  t.not(socket, free)
})

t.test('a socket that does not speak HTTP is left alone', async (t) => {
  const server = net.createServer()
  const port = await listen(t, server)
  const socket = net.connect(port)
  await once(socket, 'connect')
  endAfterExchange(asInternal(socket))
  t.notOk(isBetweenExchanges(asInternal(socket)))
  t.notOk(socket.writableEnded)
  socket.destroy()
})
