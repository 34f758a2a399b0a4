// The examples that have packages of their own: what they serve is the file, and they print who has sent it.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { startExample } from '../support/example-app.js'
import { temporaryFolder, writeRandomFile } from '../support/files.js'
import { oneConnection, receive, request } from '../support/http-client.js'
import { kernelTls, tlsTxSw } from '../support/kernel.js'
import { projectFile } from '../support/project.js'
import { timeLimitMs } from '../support/time-limit.js'

const fileBytes = 3_000_001
const half = 1_500_000
/** More than lies between server and client. */
const largeBytes = 32 * 2 ** 20

t.setTimeout(timeLimitMs)

/** The line of a response of which that many bytes are of a file. */
function offloaded(bytes: number) {
  return kernelTls
    ? { encryption: 'kernel', bytesOffloaded: bytes }
    : { encryption: 'userspace', bytesOffloaded: 0, fallbackReason: 'kernel-tls-unavailable' }
}
const optedOut = { encryption: 'userspace', bytesOffloaded: 0, fallbackReason: 'opted-out' }
const nothingSent = { encryption: 'userspace', bytesOffloaded: 0 }

/** The program of the command in examples/README.md, without the install before it, which the test command has made. */
function documentedProgram(name: string): string {
  const readme = readFileSync(projectFile('examples/README.md'), 'utf8')
  const command = new RegExp(`^\\| ${name} \\| \`npm ci --prefix examples/${name} && node examples/(\\S+)\` \\|`, 'm')
  const program = command.exec(readme)?.[1]
  if (program === undefined) throw new Error(`examples/README.md has no command for ${name}`)
  return program
}

async function start(t: Test, name: string, folder: string) {
  const { origin, lines, child } = await startExample(t, documentedProgram(name), folder)
  const port = Number(new URL(origin).port)
  let complaints = ''
  child.stderr.on('data', (text: string) => {
    complaints += text
  })
  return {
    async ask(path: string, headers: Record<string, string> = {}, method = 'GET') {
      const agent = oneConnection('https') // which stays until the server has told how it answered
      const told = once(lines, 'line')
      const response = await request('https', port, { path, agent, headers, method })
      const { statusCode: status, headers: answered } = response
      const { bytes } = await receive(response)
      const [line] = await told
      agent.destroy()
      return { status, range: answered['content-range'], bytes, line: JSON.parse(line) }
    },
    /** Takes the head of the answer and goes. */
    async leave(path: string) {
      const told = once(lines, 'line')
      const response = await request('https', port, { path, agent: false })
      response.destroy()
      const [line] = await told
      return JSON.parse(line)
    },
    /** All that was said on standard error. */
    async stop() {
      child.kill()
      await once(child, 'close')
      return complaints
    },
  }
}

for (const name of ['koa', 'fastify']) {
  t.test(name, async (t) => {
    const folder = temporaryFolder(t)
    const bytes = readFileSync(writeRandomFile(folder, fileBytes, 'film.bin').path)
    const { ask, leave, stop } = await start(t, name, folder)

    const sessions = tlsTxSw()
    const whole = await ask('/files/film.bin')
    t.ok(whole.bytes.equals(bytes), 'the file')
    t.strictSame(whole.line, { path: '/files/film.bin', status: 200, ...offloaded(fileBytes) })
    if (kernelTls) t.ok(tlsTxSw() > sessions, 'by the kernel')

    const range = `bytes ${half}-${fileBytes - 1}/${fileBytes}`
    const part = await ask('/files/film.bin', { Range: `bytes=${half}-` })
    t.match(part, { status: 206, range })
    t.ok(part.bytes.equals(bytes.subarray(half)), 'a part')
    t.strictSame(part.line, { path: '/files/film.bin', status: 206, ...offloaded(fileBytes - half) })

    const opted = await ask('/private/film.bin')
    t.ok(opted.bytes.equals(bytes), 'the file, of a route that opts out')
    t.strictSame(opted.line, { path: '/private/film.bin', status: 200, ...optedOut })
    const optedPart = await ask('/private/film.bin', { Range: `bytes=${half}-` })
    t.match(optedPart, { status: 206, range })
    t.ok(optedPart.bytes.equals(bytes.subarray(half)), 'a part, of a route that opts out')
    t.strictSame(optedPart.line, { path: '/private/film.bin', status: 206, ...optedOut })

    for (const [status, path, headers, method] of [
      [416, '/files/film.bin', { Range: `bytes=${fileBytes}-` }, 'GET'],
      [200, '/files/film.bin', {}, 'HEAD'],
      [404, '/files/not-there', {}, 'GET'],
      [404, '/', {}, 'GET'],
    ] as const) {
      t.match(await ask(path, headers, method), { status, line: { path, status, ...nothingSent } }, `${method} ${path}`)
    }
    const outside = await ask('/private/..%2f..%2fetc%2fpasswd')
    t.ok([403, 404].includes(Number(outside.status)), 'nothing outside of the folder')
    writeRandomFile(folder, 0, 'empty.bin')
    t.match(await ask('/files/empty.bin'), { status: 200, bytes: { length: 0 } }, 'a file without bytes')

    writeRandomFile(folder, largeBytes, 'large.bin')
    t.match(await leave('/files/large.bin'), { path: '/files/large.bin', status: 200 }, 'a client that goes')
    t.match(await ask('/files/film.bin'), { status: 200 }, 'and then another')
    t.equal(await stop(), '', 'no complaints')
  })
}
