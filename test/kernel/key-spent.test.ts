// A peer asks for new keys, and where the kernel cannot change keys the connection ends with the response. The peer knows
// nothing of that yet and asks again, while what it was sent waits to be read: it still gets every byte.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createReadStream, readFileSync } from 'node:fs'
import type { TLSSocket } from 'node:tls'
import { install } from 'ktls-pipe'
import t, { type Test } from 'tap'
import { temporaryFolder, writeRandomFile } from '../support/files.js'
import { kernelTakesNewKeys, onlyWithKernelTls, positive, startCounting } from '../support/kernel.js'
import { KeyUpdateClient } from '../support/key-update-client.js'
import { limitNetworkBuffers } from '../support/network-buffers.js'
import { startHttps } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

// More than the client's buffers take and less than may wait to be sent: what is left is in the server's kernel.
const fileBytes = 250_000
const buffers = {
  receive: { smallest: 4096, usual: 65_536, largest: 65_536 },
  send: { smallest: 4096, usual: 1_000_000, largest: 1_000_000 },
}
const get = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'

t.setTimeout(timeLimitMs)
install({ tls: { minimumBytes: 0 } })

t.test(
  `new keys asked for again ${kernelTakesNewKeys ? 'and again' : 'after the end'}`,
  onlyWithKernelTls,
  async (t) => {
    limitNetworkBuffers(t, buffers)
    const { path } = writeRandomFile(temporaryFolder(t), fileBytes)
    const content = readFileSync(path)
    const { server, port } = await startHttps(t, (_request, response) => {
      response.setHeader('Content-Length', fileBytes)
      createReadStream(path).pipe(response)
    })

    for (const moment of ['while the response is written', 'between two exchanges'] as const) {
      await t.test(moment, async (t) => {
        const count = startCounting()
        const accepted: Promise<TLSSocket[]> = once(server, 'secureConnection') as Promise<[TLSSocket]>
        const client = await KeyUpdateClient.connect(port)
        t.teardown(() => client.socket.destroy())
        const closed = once((await accepted)[0] as TLSSocket, 'close')
        const reached = moment === 'between two exchanges' ? responseWritten(server) : handOver()
        await client.send(get)
        await reached
        await client.requestKeys(1)
        if (!kernelTakesNewKeys) await closed
        for (let times = 0; times < 3; times++) await client.requestKeys(1)
        await expectWholeBody(t, client, content)
        t.same(positive(count().fallbacks), kernelTakesNewKeys ? {} : { 'key-spent': 1 })
      })
    }
  },
)

function handOver(): Promise<void> {
  return new Promise((resolve) => {
    const handedOver = () => {
      unsubscribe('ktls-pipe:session', handedOver)
      resolve()
    }
    subscribe('ktls-pipe:session', handedOver)
  })
}

async function responseWritten(server: NodeJS.EventEmitter): Promise<void> {
  const [, response] = await once(server, 'request')
  await once(response, 'finish')
}

async function expectWholeBody(t: Test, { socket }: KeyUpdateClient, content: Buffer): Promise<void> {
  let received = Buffer.alloc(0)
  const body = () => received.subarray(received.indexOf('\r\n\r\n') + 4)
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer])
    if (kernelTakesNewKeys && body().length === content.length) break
  }
  t.ok(body().equals(content), `all ${content.length} bytes arrive (${body().length})`)
}
