// Where there is no Linux: the package loads, changes nothing that can be seen, and says why. A program of its own, for
// systems on which the test command does not run.

import assert from 'node:assert/strict'
import { createReadStream, readFileSync } from 'node:fs'
import { createServer, get } from 'node:http'
import { getStats, inspectSupport, install } from 'ktls-pipe'

install({ tcp: { minimumBytes: 0 } })
const path = process.execPath
const server = createServer((_request, response) => createReadStream(path, { end: 999_999 }).pipe(response))
server.listen(0, '127.0.0.1', () => {
  get({ port: server.address().port, host: '127.0.0.1', agent: false }, async (response) => {
    const body = Buffer.concat(await response.toArray())
    server.close()
    assert.ok(body.equals(readFileSync(path).subarray(0, 1_000_000)), 'the file came whole')
    const reason = process.platform === 'linux' ? undefined : 'platform-unsupported'
    assert.equal(getStats().fallbacks['platform-unsupported'] ?? 0, reason === undefined ? 0 : 1)
    if (reason !== undefined) assert.equal((await inspectSupport()).reason, reason)
    console.log(`${process.platform}: the file came whole, ${reason ?? 'offloaded'}`)
  })
})
