// What a debugger or a core dump would find: of a session's write keys the process holds no more copies than plain Node
// does, but for the one secret that a key change needs, where the kernel knows key changes; and none afterwards.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import https from 'node:https'
import t, { type Test } from 'tap'
import { temporaryFolder, writeRandomFile } from '../support/files.js'
import { oneConnection, receive } from '../support/http-client.js'
import { kernelTakesNewKeys, onlyWithKernelTls } from '../support/kernel.js'
import { type Copies, findInMemory } from '../support/process-memory.js'
import { startFileServer } from '../support/start-file-server.js'
import { timeLimitMs } from '../support/time-limit.js'
import { secretOfLine, trafficKeys } from '../support/tls13-keys.js'

const fileBytes = 300_000
const none: Copies = { dumped: 0, notDumped: 0 }

t.setTimeout(timeLimitMs)

interface Scan {
  secret: Copies
  secretInHex: Copies
  key: Copies
}

t.test('copies of the secret and of the key', onlyWithKernelTls, async (t) => {
  const plain = await scanServer(t, true)
  const ours = await scanServer(t, false)
  t.comment(`plain Node: ${JSON.stringify(plain)}`)
  t.comment(`ktls-pipe: ${JSON.stringify(ours)}`)

  t.ok(plain.during.key.dumped > 0, 'the scan finds what is there: OpenSSL has the key')
  t.ok(plain.during.secret.dumped > 0, 'and the secret')
  t.equal(ours.during.secret.dumped, plain.during.secret.dumped, 'of the secret there is no other copy')
  t.equal(ours.during.secret.notDumped, kernelTakesNewKeys ? 1 : 0, 'but what a key change needs, out of core dumps')
  t.ok(ours.during.key.dumped <= plain.during.key.dumped, 'of the key there is none')
  t.same(ours.during.secretInHex, none, 'nor of what was logged')

  t.equal(ours.afterwards.secret.notDumped, 0, 'afterwards ours is gone')
  // OpenSSL gives the memory of an SSL back as it is.
  t.ok(ours.afterwards.secret.dumped <= plain.during.secret.dumped)
  t.same(ours.afterwards.key, none)
  t.same(ours.afterwards.secretInHex, none)
})

async function scanServer(t: Test, disabled: boolean): Promise<{ during: Scan; afterwards: Scan }> {
  const { path } = writeRandomFile(temporaryFolder(t), fileBytes)
  const server = await startFileServer(t, path, { disabled })
  const agent = oneConnection('https')
  t.teardown(() => agent.destroy())
  let secret: Buffer = Buffer.alloc(0)
  const outgoing = https.request({ port: server.port, agent, rejectUnauthorized: false })
  outgoing.on('socket', (socket) =>
    socket.on('keylog', (line: Buffer) => {
      secret = secretOfLine(line, 'SERVER_TRAFFIC_SECRET_0') ?? secret
    }),
  )
  outgoing.end()
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  const received = await receive(incoming)
  t.ok(received.bytes.equals(readFileSync(path)))
  t.equal((await server.report()).stats.transfers.tls, disabled ? 0 : 1)

  const { key } = trafficKeys(secret, 32)
  const scan = (): Scan => {
    const patterns = [secret, Buffer.from(secret.toString('hex')), key]
    const [whole = none, hex = none, keys = none] = findInMemory(server.pid, patterns)
    return { secret: whole, secretInHex: hex, key: keys }
  }
  const during = scan()
  agent.destroy()
  while ((await server.report()).connections > 0);
  return { during, afterwards: scan() }
}
