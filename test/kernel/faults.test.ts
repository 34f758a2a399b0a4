// Every fault of the native fault table, met by the addon inside a running server: each download ends, with the whole
// file or cut off, never with a wrong byte; and when the fault is over the server serves as before and holds no more
// than before.

import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { FaultControl } from '../support/faults.js'
import { temporaryFolder, writeRandomFile } from '../support/files.js'
import { type Received, receive, request, type Scheme } from '../support/http-client.js'
import { kernelTls } from '../support/kernel.js'
import { startFileServer } from '../support/start-file-server.js'
import { timeLimitMs } from '../support/time-limit.js'

const fileBytes = 200_001
const mostOccurrences = kernelTls ? 1 : 3 // an emulated machine takes its time
/** A fault that lasts may hold a download up for as long as it lasts. */
const patienceMs = 500
/** The control file is memory, which tells nobody of a change. */
const looksEachMs = 10
/** Any byte that comes shows that it goes on: a body in records of one byte each takes its time. */
const stallsAfterMs = 20_000

/** Enough to start each of the sender's threads, which have descriptors of their own. */
const warmUps = 8

t.setTimeout(timeLimitMs)

// Where the kernel has no TLS it is plain TCP that is offloaded.
const scheme: Scheme = kernelTls ? 'https' : 'http'

for (const withoutSendfile of [false, true]) {
  const name = `${scheme}, ${withoutSendfile ? 'files that sendfile cannot read' : 'by sendfile'}`
  t.test(name, { timeout: timeLimitMs }, (t) => tryAll(t, withoutSendfile))
}

async function tryAll(t: Test, withoutSendfile: boolean): Promise<void> {
  const { path } = writeRandomFile(temporaryFolder(t), fileBytes)
  const content = readFileSync(path)
  const faults = new FaultControl(t)
  const server = await startFileServer(t, path, { scheme, env: faults.env, collectsGarbage: true })
  const expectWhole = async () => {
    t.ok((await startDownload(server.port).downloaded).bytes.equals(content), 'it serves')
  }
  for (let i = 0; i < warmUps; i++) await expectWhole()
  const before = await server.reportWhenIdle()
  t.ok(faults.rows > 100, 'the table is there')

  const tried = new Set<string>()
  let runs = 0
  let cutOff = 0
  for (let row = 0; row < faults.rows; row++) {
    for (const times of [1, FaultControl.forEver]) {
      for (let skip = 0; skip < mostOccurrences; skip++) {
        faults.arm({ row, skip, times, withoutSendfile })
        const { downloaded, stalled } = startDownload(server.port)
        const over = Promise.race([downloaded, stalled]).then(() => true)
        while (faults.met.met === 0 && !(await Promise.race([over, delay(looksEachMs, false)])));
        if (!(await Promise.race([over, delay(patienceMs, false)]))) faults.disarm()
        const received = await Promise.race([downloaded, stalled])
        const { name, met, isHarmless } = faults.met
        if (!server.isRunning) throw new Error(`the server has ended by ${name}, ${skip}, ${times}`)
        if (met === 0) break
        runs++
        tried.add(name)
        const mayBeCutOff = !(isHarmless && met === 1)
        const wrong = received === 'never ends' ? received : whatIsWrong(received, content, mayBeCutOff)
        if (wrong !== undefined) t.fail(`${name}, ${skip}, ${times}: ${wrong}`)
        else if ((received as Received).aborted) cutOff++
      }
    }
  }
  faults.disarm()

  await expectWhole()
  const after = await server.reportWhenIdle()
  t.equal(after.descriptors, before.descriptors, 'as many descriptors as before')
  t.equal(after.threads, before.threads, 'as many threads')
  t.equal(after.stats.transfers.active, 0)
  const engine = scheme === 'http' ? 'tcp' : 'tls'
  t.ok(after.stats.transfers[engine] > before.stats.transfers[engine], 'by the kernel')
  t.ok(tried.size > 30, 'what is on the way was met', { tried: tried.size })
  t.comment(`${tried.size} faults in ${runs} runs, of which ${cutOff} were cut off`)
}

function startDownload(port: number) {
  let timer: NodeJS.Timeout | undefined
  const stalled = new Promise<'never ends'>((resolve) => {
    timer = setTimeout(resolve, stallsAfterMs, 'never ends')
  })
  const downloaded = download(port, () => timer?.refresh()).finally(() => clearTimeout(timer))
  return { downloaded, stalled }
}

async function download(port: number, onData: () => void): Promise<Received> {
  try {
    const incoming = await request(scheme, port, { agent: false })
    incoming.on('data', onData)
    return await receive(incoming)
  } catch {
    return { bytes: Buffer.alloc(0), aborted: true }
  }
}

function whatIsWrong({ bytes, aborted }: Received, content: Buffer, mayBeCutOff: boolean): string | undefined {
  if (!bytes.equals(content.subarray(0, bytes.length))) return `${bytes.length} bytes are not the file's`
  if (aborted && !mayBeCutOff) return `cut off after ${bytes.length} bytes, which it need not be`
  return aborted || bytes.length === content.length ? undefined : `${bytes.length} bytes are taken for the file`
}
