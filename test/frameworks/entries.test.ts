// The package's entries for frameworks, without install(): the counters tell who sent the file.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sha256, temporaryFolder, writeRandomFile } from '../support/files.js'
import { receive, request } from '../support/http-client.js'
import { kernelTls, positive } from '../support/kernel.js'
import { timeLimitMs } from '../support/time-limit.js'
import { startPlayer } from './start-player.js'

const film = 'film.mp4'

t.setTimeout(timeLimitMs)

t.test('entries for frameworks', async (t) => {
  const folder = temporaryFolder(t)
  const [files, scratch] = [join(folder, 'files'), join(folder, 'scratch')]
  for (const path of [files, scratch]) mkdirSync(path)
  const { sha256: wanted } = writeRandomFile(files, 2_000_000, film)
  const { apps, startCounting } = await startPlayer(t, 'entries', {
    files,
    scratch,
    withPackage: true,
    registers: false,
  })
  t.equal(apps.length, 10)
  for (const { packages, what, port } of apps) {
    const offloads = what === 'offloaded'
    const count = await startCounting()
    const { bytes } = await receive(await request('https', port, { path: `/${film}`, agent: false }))
    const counted = await count?.()
    const label = `${packages[0]?.name} ${packages[0]?.version}, ${what}`
    t.equal(sha256(bytes), wanted, label)
    t.equal(counted?.transfers.tls, kernelTls && offloads ? 1 : 0, label)
    const reason = offloads ? (kernelTls ? undefined : 'kernel-tls-unavailable') : 'opted-out'
    t.strictSame(positive(counted?.fallbacks ?? {}), reason === undefined ? {} : { [reason]: 1 }, label)
  }
})
