// What both ends can be asked about their session: after the hand-over as before it, and as in plain Node.

import t, { type Test } from 'tap'
import { certificate } from '../support/certificate.js'
import { temporaryFolder, writeRandomFile } from '../support/files.js'
import { sessionsCounted, tlsTxSw } from '../support/kernel.js'
import { projectFile } from '../support/project.js'
import { runWell } from '../support/run-program.js'
import { timeLimitMs } from '../support/time-limit.js'

const program = projectFile('test/support/introspected-session.mjs')

t.setTimeout(timeLimitMs)

/** What a TLSSocket answers; bytes in hexadecimal. */
interface End {
  session: string | undefined
  finished: string
  peerFinished: string
  keyingMaterial: string
  bytesWritten: number
  bytesRead: number
  [answer: string]: unknown
}

interface Exchange {
  size: number
  server: End
  client: End
}

/** A connection: a small answer, then the file. */
interface Connection {
  small: Exchange
  file: Exchange
}

const file = writeRandomFile(temporaryFolder(t), 300_001)
const ends = ['server', 'client'] as const

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  t.test(version, async (t) => {
    const run = (flags: string[], environment: NodeJS.ProcessEnv = {}) => runProgram(t, version, flags, environment)
    const register = ['--import', 'ktls-pipe/register']
    const plain = await run([])
    const disabled = await run(register, { KTLS_PIPE_DISABLE: '1' })
    const sessionsBefore = tlsTxSw()
    const ours = await run(register)

    t.equal(tlsTxSw() - sessionsBefore, sessionsCounted(version, 2), 'both connections were handed over if possible')
    t.strictSame(shapes(disabled), shapes(plain), 'switched off, the answers are those of plain Node')
    t.strictSame(shapes(ours), shapes(plain), 'and handed over, they are the same')
    for (const [index, { small, file }] of ours.entries()) {
      await t.test(index === 0 ? 'a new session' : 'a resumed one', async (t) => {
        checkExchange(t, file)
        checkSessionLength(t, file, plain[index] as Connection)
        for (const end of ends) t.strictSame(fixed(file[end]), fixed(small[end]), `the ${end} answers as before`)
      })
    }
  })
}

function checkExchange(t: Test, { size, server, client }: Exchange): void {
  t.equal(size, file.size)
  t.equal(server.keyingMaterial, client.keyingMaterial, 'keying material is the same at both ends')
  t.equal(server.finished, client.peerFinished, "the client got the server's Finished")
  t.equal(client.finished, server.peerFinished, "and the server the client's")
  t.equal(server.bytesWritten, client.bytesRead, 'what one has written the other has read')
  t.equal(client.bytesWritten, server.bytesRead)
  t.ok(server.bytesWritten > file.size, 'head and body')
}

// A session holds numbers that are written with as many bytes as they need.
function checkSessionLength(t: Test, { server, client }: Exchange, { file: plain }: Connection): void {
  for (const [end, ours] of Object.entries({ server, client })) {
    const difference = (ours.session?.length ?? 0) - (plain[end as (typeof ends)[number]].session?.length ?? 0)
    t.ok(Math.abs(difference / 2) <= 8, `the session of the ${end} has the length that it has in plain Node`)
  }
}

/** What does not change while a connection lasts. */
function fixed({ bytesWritten, bytesRead, ...others }: End): object {
  return others
}

/** What is the same in each run: random bytes by their number, a session by whether there is one. */
function shapes(connections: Connection[]): object[] {
  const shape = ({ session, finished, peerFinished, keyingMaterial, ...others }: End) => ({
    session: typeof session,
    lengths: [finished, peerFinished, keyingMaterial].map((bytes) => bytes.length),
    ...others,
  })
  return connections.flatMap(({ small, file }) =>
    [small, file].map(({ size, server, client }) => ({ size, server: shape(server), client: shape(client) })),
  )
}

async function runProgram(t: Test, version: string, flags: string[], environment: NodeJS.ProcessEnv) {
  const { key, cert } = await certificate()
  const env = { ...process.env, ...environment, KEY: key, CERT: cert, FILE: file.path, VERSION: version }
  const stdout = await runWell(t, { command: process.execPath, args: flags, env }, [program])
  return JSON.parse(stdout.toString()) as Connection[]
}
