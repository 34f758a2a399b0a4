// socket.bytesWritten counts what was sent past the socket's handle, whoever ends the connection.

import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import net, { type Socket } from 'node:net'
import { finished } from 'node:stream/promises'
import { install } from 'ktls-pipe'
import t from 'tap'
import { temporaryFolder, writeRandomFile } from '../support/files.js'
import { request } from '../support/http-client.js'
import { expectOffloaded, startCounting } from '../support/kernel.js'
import { startHttp, startHttps, startTcp } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

// More than a connection holds.
const largeSize = 24 * 1024 * 1024
const readBytes = 4 * 1024 * 1024
// What a system call has sent is known when it is over; none sends more.
const largestCallBytes = 1024 * 1024

t.setTimeout(timeLimitMs)
install({ tls: { minimumBytes: 0 }, tcp: { minimumBytes: 0 } })

const file = writeRandomFile(temporaryFolder(t), largeSize)

for (const scheme of ['https', 'http'] as const) {
  t.test(`a client that leaves in the middle of a file, over ${scheme}`, async (t) => {
    let connection: Socket | undefined
    const start = scheme === 'https' ? startHttps : startHttp
    const { port } = await start(t, ({ socket }, response) => {
      connection = socket
      const source = createReadStream(file.path)
      response.on('close', () => source.destroy())
      source.pipe(response)
    })
    const count = startCounting()
    const incoming = await request(scheme, port)
    let bytesRead = 0
    for await (const chunk of incoming) {
      bytesRead += (chunk as Buffer).length
      if (bytesRead > readBytes) break // which destroys it
    }
    const socket = connection as Socket
    // How it hears of it, by an error or without, is chance.
    if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
    const { bytesWritten } = socket
    t.ok(bytesWritten > bytesRead - largestCallBytes, 'what the client has read', { bytesWritten, bytesRead })
    t.ok(bytesWritten < largeSize, 'and not what was never sent')
    expectOffloaded(t, scheme, count(), 1)
  })
}

t.test('a socket that is connected a second time', async (t) => {
  const { port } = await startTcp(t, (socket) => socket.resume())
  const socket = new net.Socket()
  for (const round of ['first', 'second']) {
    socket.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    const count = startCounting()
    createReadStream(file.path).pipe(socket)
    socket.resume()
    await finished(socket)
    if (!socket.closed) await once(socket, 'close')
    t.equal(socket.bytesWritten, largeSize, `the ${round} time`)
    expectOffloaded(t, 'http', count(), 1)
  }
})
