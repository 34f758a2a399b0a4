// `ktls-pipe doctor` on this kernel: its own transfer, and a server that it is pointed at.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { temporaryFolder, writeRandomFile } from '../support/files.js'
import { receive, request } from '../support/http-client.js'
import { kernelTls, tlsTxSw } from '../support/kernel.js'
import { projectFile } from '../support/project.js'
import { startFileServer } from '../support/start-file-server.js'
import { timeLimitMs } from '../support/time-limit.js'

interface Report {
  healthy: boolean
  support: { kernelTls: { available: boolean } }
  kernelModule: { state: string }
  transfer: { bytes: number; intact: boolean; encryption: string; bytesOffloaded: number; fallbackReason?: string }
  served?: { encryption: string; because?: string; status: number; bytes: number; newKernelSessions?: number }
  findings: { requirement: string; ok: boolean }[]
}

const fileBytes = 1_000_001

const schema = JSON.parse(readFileSync(projectFile('docs/doctor.schema.json'), 'utf8'))
const isDocumented = new Ajv2020({ strict: true }).compile(schema)

t.setTimeout(timeLimitMs)

async function doctor(...parameters: string[]): Promise<{ code: number; report: Report }> {
  const child = spawn(process.execPath, [projectFile('dist/cli.js'), 'doctor', '--json', ...parameters], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [stdout, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  const report = JSON.parse(stdout)
  if (!isDocumented(report)) throw new Error(`docs/doctor.schema.json: ${JSON.stringify(isDocumented.errors)}`)
  return { code, report: report as Report }
}

t.test('its own transfer', async (t) => {
  const before = tlsTxSw()
  const { code, report } = await doctor()
  const { healthy, transfer, support, kernelModule, findings } = report
  t.equal(code, healthy ? 0 : 1)
  t.equal(
    healthy,
    findings.every(({ ok }) => ok),
  )
  t.equal(support.kernelTls.available, kernelTls)
  t.equal(kernelModule.state === 'loaded', kernelTls)
  t.equal(transfer.intact, true)
  t.equal(transfer.encryption, kernelTls ? 'kernel' : 'userspace')
  t.equal(transfer.bytesOffloaded, kernelTls ? transfer.bytes : 0)
  t.equal(transfer.fallbackReason, kernelTls ? undefined : 'kernel-tls-unavailable')
  if (kernelTls) t.ok(tlsTxSw() > before, 'and the kernel counted it')
})

t.test('--url', async (t) => {
  const { path } = writeRandomFile(temporaryFolder(t), fileBytes)
  const inspect = async (url: string) => {
    const { report } = await doctor('--url', url)
    const finding = report.findings.find(({ requirement }) => requirement.startsWith('server '))
    return { served: report.served, isGreen: finding?.ok }
  }

  await t.test('a server with the package', async (t) => {
    const { port } = await startFileServer(t, path)
    const { served, isGreen } = await inspect(`https://127.0.0.1:${port}/`)
    t.match(served, { status: 200, bytes: fileBytes, encryption: kernelTls ? 'kernel' : 'userspace' })
    t.equal(isGreen, kernelTls)
  })

  await t.test('a server where it is switched off', async (t) => {
    const { port } = await startFileServer(t, path, { disabled: true })
    const { served, isGreen } = await inspect(`https://localhost:${port}/`)
    t.match(served, { status: 200, bytes: fileBytes, encryption: 'userspace', newKernelSessions: 0 })
    t.equal(isGreen, false)
  })

  await t.test('a server without TLS', async (t) => {
    const { port } = await startFileServer(t, path, { scheme: 'http' })
    t.match(await inspect(`http://127.0.0.1:${port}/`), {
      served: { status: 200, bytes: fileBytes, encryption: 'none' },
      isGreen: true,
    })
  })

  await t.test('a server that is not there', async (t) => {
    const { served, isGreen } = await inspect('https://127.0.0.1:1/')
    t.match(served, { encryption: 'unknown', because: /ECONNREFUSED/ })
    t.equal(isGreen, false)
  })

  await t.test('a server that resets the connection in the middle', async (t) => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nthe beginning', () => socket.resetAndDestroy())
      })
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    t.teardown(() => server.close())
    const { served, isGreen } = await inspect(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    t.match(served, { encryption: 'unknown', because: /ECONNRESET|aborted/ })
    t.equal(isGreen, false)
  })

  await t.test(
    'others are served at the same time',
    { skip: kernelTls ? false : 'this kernel has no TLS' },
    async (t) => {
      const { port } = await startFileServer(t, path)
      let done = false
      const others = (async () => {
        while (!done) await receive(await request('https', port, { path: '/', agent: false }))
      })()
      const { served } = await inspect(`https://127.0.0.1:${port}/`)
      done = true
      await others
      t.match(served, { encryption: 'unknown', because: /as well/ })
    },
  )
})
