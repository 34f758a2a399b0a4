// The package in somebody else's project: with the binary that it brings, without one, and built from source.

import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import t, { type Test } from 'tap'
import {
  installInEmptyFolder,
  onlyWithBinary,
  pack,
  runClean,
  runCleanWell,
  withoutCompiler,
} from '../support/packed-package.js'

const buildTimeoutMs = 5 * 60_000

/** Sends a file over plain http once, and prints whether it came whole and what was counted. */
const sendFile = `
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { createServer, get } from 'node:http'
import { getStats, inspectSupport, install } from 'ktls-pipe'
install({ tcp: { minimumBytes: 0 } })
const path = process.execPath
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
const server = createServer((_request, response) => createReadStream(path, { end: 999_999 }).pipe(response))
server.listen(0, '127.0.0.1', () => {
  get({ port: server.address().port, host: '127.0.0.1', agent: false }, async (response) => {
    const body = Buffer.concat(await response.toArray())
    server.close()
    const isWhole = sha256(body) === sha256(readFileSync(path).subarray(0, 1_000_000))
    const { transfers, fallbacks } = getStats()
    console.log(JSON.stringify({ isWhole, tcp: transfers.tcp, fallbacks, reason: (await inspectSupport()).reason }))
  })
})
`

/** Both builds of the package in one process: one interception, one set of counters. */
const bothFormats = `
import fs from 'node:fs'
import { createRequire } from 'node:module'
import * as esm from 'ktls-pipe'
const cjs = createRequire(import.meta.url)('ktls-pipe')
const own = () => Object.getOwnPropertyDescriptor(fs.ReadStream.prototype, 'pipe')?.value
const untouched = own() === undefined
esm.install()
const first = own()
cjs.install({ tcp: { minimumBytes: 0 } })
const isOne = first !== undefined && own() === first
fs.createReadStream(process.execPath).pipe(fs.createWriteStream('/dev/null')).on('close', () => {
  const counted = [esm, cjs].map(({ getStats }) => getStats().fallbacks['destination-unsupported'])
  cjs.uninstall()
  console.log(JSON.stringify({ distinct: esm.install !== cjs.install, untouched, isOne, counted, gone: own() === undefined }))
})
`

const printState = `
const { getOwnPropertyDescriptor } = Object
const isInstalled = getOwnPropertyDescriptor(require('node:fs').ReadStream.prototype, 'pipe') !== undefined
require('ktls-pipe').inspectSupport().then(({ reason }) => console.log(JSON.stringify({ isInstalled, reason })))
`

t.setTimeout(buildTimeoutMs)

t.test('installed in an empty folder', async (t) => {
  const folder = await installInEmptyFolder(t, await pack(t))
  for (const [name, source] of Object.entries({
    'send.mjs': sendFile,
    'both.mjs': bothFormats,
    'state.cjs': printState,
  })) {
    writeFileSync(join(folder, name), source)
  }
  const node = async (t: Test, ...args: string[]) =>
    JSON.parse(await runCleanWell(t, folder, process.execPath, args, withoutCompiler(t)))
  const native = join(folder, 'node_modules', 'ktls-pipe', 'native')
  const addon = join(native, 'build', 'Release', 'ktls.node')
  const expectOffloaded = async (t: Test, program = 'send.mjs') => {
    const result = await node(t, program)
    t.match(result, { isWhole: true, tcp: 1 })
    t.strictSame(result.fallbacks, {})
    t.notMatch(result.reason, 'addon-unavailable')
  }

  await t.test('with the binary that it brings, and no compiler: offloaded', onlyWithBinary, async (t) => {
    t.notOk(existsSync(addon), 'npm install builds nothing')
    await expectOffloaded(t)
  })

  await t.test('in a bundle by esbuild, which leaves the addon where it is', onlyWithBinary, async (t) => {
    const requireFor =
      "import { createRequire as requireFor } from 'node:module'; globalThis.require ??= requireFor(import.meta.url);"
    for (const [name, options] of Object.entries({
      'all-in-one.mjs': { banner: { js: requireFor } },
      'package-outside.mjs': { external: ['ktls-pipe'] },
    })) {
      await build({
        entryPoints: [join(folder, 'send.mjs')],
        outfile: join(folder, 'bundled', name),
        bundle: true,
        platform: 'node',
        format: 'esm',
        ...options,
      })
      await expectOffloaded(t, join('bundled', name))
    }
  })

  await t.test('without a binary: the ordinary path', async (t) => {
    rmSync(join(native, 'prebuilds'), { recursive: true, force: true })
    const reason = 'addon-unavailable'
    t.same(await node(t, 'send.mjs'), { isWhole: true, tcp: 0, fallbacks: { [reason]: 1 }, reason })
    await expectDoctor(t, folder, reason)
  })

  await t.test('npm explore ktls-pipe -- npm run build:native', async (t) => {
    await runCleanWell(t, folder, 'npm', ['explore', 'ktls-pipe', '--', 'npm', 'run', 'build:native'])
    t.ok(existsSync(addon), 'the addon is there')
  })

  await t.test('after that: offloaded', (t) => expectOffloaded(t))

  await t.test('as ESM and as CommonJS in one process: installs once', async (t) => {
    const expected = { distinct: true, untouched: true, isOne: true, counted: [1, 1], gone: true }
    t.same(await node(t, 'both.mjs'), expected)
  })

  await t.test('register, by --import and by --require', async (t) => {
    t.match(await node(t, 'state.cjs'), { isInstalled: false }, 'an import alone changes nothing')
    for (const option of ['--import', '--require']) {
      t.match(await node(t, option, 'ktls-pipe/register', 'state.cjs'), { isInstalled: true }, option)
    }
  })

  await t.test('where addons are forbidden', async (t) => {
    const reason = 'addons-disabled'
    for (const flags of [['--no-addons'], [permissionFlag(), '--allow-fs-read=*']]) {
      t.same(
        await node(t, ...flags, '--import', 'ktls-pipe/register', 'state.cjs'),
        { isInstalled: true, reason },
        flags.join(' '),
      )
    }
    await expectDoctor(t, folder, reason, ['--no-addons'])
  })
})

/** On Node 20 the permission model is an experiment. */
function permissionFlag(): string {
  return process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission'
}

async function expectDoctor(t: Test, folder: string, reason: string, flags: string[] = []): Promise<void> {
  const cli = join('node_modules', '.bin', 'ktls-pipe')
  const { code, stdout } = await runClean(folder, process.execPath, [...flags, cli, 'doctor', '--json'])
  t.equal(code, 1, 'doctor finds that something is missing')
  t.match(JSON.parse(stdout), { healthy: false, support: { reason } }, 'and says what')
}
