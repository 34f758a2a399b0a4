// A file piped straight into a TLS socket, without http: read by openssl s_client, which ends with the connection.

import { createReadStream } from 'node:fs'
import { install } from 'ktls-pipe'
import t from 'tap'
import { cipherSuites, onlySuite, opensslArguments, suiteName } from '../support/cipher-suites.js'
import { sha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { expectTlsTransfers, kernelTls, startCounting, tlsTxSw } from '../support/kernel.js'
import { peerCommand } from '../support/peers.js'
import { runWell } from '../support/run-program.js'
import { startTls } from '../support/servers.js'
import { timeLimitMs } from '../support/time-limit.js'

t.setTimeout(timeLimitMs)
install()

t.test('createReadStream().pipe(tlsSocket) on a bare tls.createServer', async (t) => {
  const file = writeRandomFile(temporaryFolder(t), 700_001)

  for (const suite of cipherSuites) {
    await t.test(suiteName(suite), async (t) => {
      const { port } = await startTls(t, (socket) => createReadStream(file.path).pipe(socket), onlySuite(suite))
      const count = startCounting()
      const sessionsBefore = tlsTxSw()

      const connect = ['s_client', '-quiet', '-connect', `127.0.0.1:${port}`, ...opensslArguments(suite)]
      const received = await runWell(t, peerCommand('openssl'), connect)

      t.same({ size: received.length, sha256: sha256(received) }, { size: file.size, sha256: file.sha256 })
      expectTlsTransfers(t, count(), 1, 'the pipe')
      if (kernelTls) t.equal(tlsTxSw() - sessionsBefore, 1, 'the kernel counts one session')
    })
  }
})
