import { ClientRequest, IncomingMessage, OutgoingMessage, ServerResponse } from 'node:http'
import http2 from 'node:http2'
import { Socket } from 'node:net'
import { Duplex, PassThrough, Writable } from 'node:stream'
import { TLSSocket } from 'node:tls'
import t from 'tap'
import { type Destination, destinationFor } from '../../../src/pipe/destination.js'
import { MessageDestination } from '../../../src/pipe/message-destination.js'
import { SocketDestination } from '../../../src/pipe/socket-destination.js'

t.test('sockets', async (t) => {
  for (const socket of [new Socket(), new TLSSocket(new PassThrough())]) {
    const destination = destinationFor(socket) as Destination
    t.ok(destination instanceof SocketDestination)
    t.equal(destination.object, socket)
    t.equal(destination.socket, socket)
  }
})

t.test('responses and requests', async (t) => {
  const request = new ClientRequest('http://127.0.0.1:1/')
  request.on('error', () => {})
  t.teardown(() => request.destroy())
  for (const message of [new ServerResponse(new IncomingMessage(new Socket())), request, new OutgoingMessage()]) {
    const destination = destinationFor(message) as Destination
    t.ok(destination instanceof MessageDestination)
    t.equal(destination.object, message)
  }
})

t.test('HTTP/2 has a reason of its own', async (t) => {
  const server = http2.createServer()
  const seen = new Promise<unknown[]>((resolve) => {
    server.on('request', (request, response) => {
      resolve([destinationFor(response), destinationFor(request.stream), destinationFor(response.stream)])
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = http2.connect(`http://127.0.0.1:${(server.address() as { port: number }).port}`)
  const stream = client.request({ ':path': '/' })
  stream.resume()
  t.equal(destinationFor(stream), 'http2')
  t.equal(destinationFor(Object.create(null)), 'destination-unsupported', 'an object of no class')
  t.strictSame(await seen, ['http2', 'http2', 'http2'])
  await new Promise((resolve) => stream.once('close', resolve))
  client.close()
  server.close()
})

t.test('anything else', async (t) => {
  const others = [
    new Writable(),
    new PassThrough(),
    new Duplex(),
    new IncomingMessage(new Socket()),
    process.stderr.constructor === Socket ? new Writable() : process.stderr,
    { write() {} },
  ]
  for (const other of others.filter((object) => !(object instanceof Socket))) {
    t.equal(destinationFor(other), 'destination-unsupported')
  }
})
