import { cpSync, mkdirSync, symlinkSync } from 'node:fs'
import Module, { syncBuiltinESMExports } from 'node:module'
import os from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isOlderThan, loadBinding } from '../../../src/native/load.js'
import { applyOptions } from '../../../src/options.js'
import { built, root, runNode, runScript } from '../fixtures/child.js'
import { FakeBinding } from '../fixtures/fake-binding.js'
import { forgetSlot } from '../fixtures/slots.js'

type Extensions = Record<string, (module: { exports: unknown }, file: string) => void>
const extensions = (Module as unknown as { _extensions: Extensions })._extensions

/** Every addon that is loaded during the test is this one. */
function playAddon(t: Test, load: () => unknown): { loads: number } {
  const count = { loads: 0 }
  const original = extensions['.node'] as Extensions[string]
  const forget = () => {
    forgetSlot('binding')
    const cache = (Module as unknown as { _cache: Record<string, unknown> })._cache
    for (const file of Object.keys(cache)) if (file.endsWith('.node')) delete cache[file]
  }
  extensions['.node'] = (module) => {
    count.loads++
    module.exports = load()
  }
  forget()
  t.teardown(() => {
    extensions['.node'] = original
    forget()
  })
  return count
}

const neverLoaded = (t: Test) => playAddon(t, () => t.fail('the addon was loaded'))

t.test('isOlderThan: releases as they come', async (t) => {
  const cases: [release: string, older: boolean][] = [
    ['5.3.18-lp152.106-default', true],
    ['5.4.0', false],
    ['5.4', false],
    ['5.10.0-30-amd64', false],
    ['5.40.1', false],
    ['4.19.0', true],
    ['4.18.0-553.el8_10.x86_64', true],
    ['3.10.0', true],
    ['6.0.0', false],
    ['6.1.0-28-amd64', false],
    ['6.12.9+', false],
    ['6.18-rc1', false],
    ['10.0.0', false],
    ['5.3', true],
  ]
  for (const [release, older] of cases) t.equal(isOlderThan(release, [5, 4]), older, release)
  t.equal(isOlderThan('6.13.99', [6, 14]), true)
  t.equal(isOlderThan('6.14.0', [6, 14]), false)
})

t.test('a usable addon is loaded once', async (t) => {
  const binding = new FakeBinding()
  const count = playAddon(t, () => binding)
  const loaded = loadBinding()
  t.equal(loaded.binding, binding)
  t.equal(loadBinding(), loaded)
  t.equal(count.loads, 1)
})

t.test('an OpenSSL that lacks functions: runtime-unsupported, and which', async (t) => {
  const binding = new FakeBinding()
  binding.missing = ['SSL_set0_wbio', 'EVP_KDF_fetch']
  playAddon(t, () => binding)
  const loaded = loadBinding()
  t.match(loaded, { binding: undefined, reason: 'runtime-unsupported', cause: Error })
  t.match(loaded, { cause: { message: /SSL_set0_wbio, EVP_KDF_fetch/ } })
})

t.test('an addon that cannot be loaded: addon-unavailable, and why', async (t) => {
  const why = new Error('version GLIBC_2.99 not found')
  playAddon(t, () => {
    throw Object.assign(why, { code: 'ERR_DLOPEN_FAILED' })
  })
  const loaded = loadBinding()
  t.match(loaded, { binding: undefined, reason: 'addon-unavailable' })
  t.equal('cause' in loaded && loaded.cause, why)
  t.equal(loadBinding(), loaded, 'and it is not tried again')
})

t.test('addons that may not be loaded: addons-disabled', async (t) => {
  const why = Object.assign(new Error('Cannot load native addon'), { code: 'ERR_DLOPEN_DISABLED' })
  playAddon(t, () => {
    throw why
  })
  t.strictSame(loadBinding(), { binding: undefined, reason: 'addons-disabled', cause: why })
})

t.test('disabled: it is not even looked for', async (t) => {
  neverLoaded(t)
  process.env.KTLS_PIPE_DISABLE = '1'
  applyOptions({})
  t.teardown(() => {
    delete process.env.KTLS_PIPE_DISABLE
    applyOptions({})
  })
  t.strictSame(loadBinding(), { binding: undefined, reason: 'disabled', cause: undefined })
})

t.test('another system, another runtime', async (t) => {
  for (const platform of ['darwin', 'win32', 'freebsd']) {
    neverLoaded(t)
    const restore = t.intercept(process, 'platform', { value: platform })
    t.strictSame(loadBinding(), { binding: undefined, reason: 'platform-unsupported', cause: undefined }, platform)
    restore.restore()
  }
  for (const runtime of ['bun', 'deno', 'electron']) {
    neverLoaded(t)
    const restore = t.intercept(process, 'versions', { value: { ...process.versions, [runtime]: '1.0.0' } })
    t.strictSame(loadBinding(), { binding: undefined, reason: 'runtime-unsupported', cause: undefined }, runtime)
    restore.restore()
  }
})

t.test('an old kernel', async (t) => {
  neverLoaded(t)
  const { release } = os
  os.release = () => '5.3.18-default'
  syncBuiltinESMExports()
  t.teardown(() => {
    os.release = release
    syncBuiltinESMExports()
  })
  t.strictSame(loadBinding(), { binding: undefined, reason: 'kernel-too-old', cause: undefined })
})

const askSupport = `
  const { inspectSupport, createZeroCopyPipe, getStats } = await import(${JSON.stringify(built('index.js'))})
  const { reason, addon } = await inspectSupport()
  console.log(JSON.stringify({ reason, addon }))`

t.test('node --no-addons: addons-disabled', async (t) => {
  const { code, stdout, stderr } = await runScript(askSupport, { flags: ['--no-addons'] })
  t.equal(stderr, '')
  t.match(JSON.parse(stdout), { reason: 'addons-disabled', addon: { loaded: false, error: /addon/i } })
  t.equal(code, 0)
})

t.test('the permission model without --allow-addons: addons-disabled', async (t) => {
  const [major = 0] = process.versions.node.split('.').map(Number)
  const permission = major < 24 ? '--experimental-permission' : '--permission'
  const script = join(t.testdir({ 'ask.mjs': askSupport }), 'ask.mjs')
  const { code, stdout, stderr } = await runNode([permission, '--allow-fs-read=*', '--no-warnings', script])
  t.equal(stderr, '')
  t.match(JSON.parse(stdout), { reason: 'addons-disabled', addon: { loaded: false } })
  t.equal(code, 0)
})

t.test('a package without its addon: addon-unavailable, and the import is quiet', async (t) => {
  const directory = t.testdir({})
  const copy = join(directory, 'ktls-pipe')
  mkdirSync(copy)
  cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true })
  cpSync(join(root, 'package.json'), join(copy, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  const script = askSupport.replaceAll(built('index.js'), join(copy, 'dist/index.js'))
  const { code, stdout, stderr } = await runScript(script, { cwd: directory })
  t.equal(stderr, '')
  t.match(JSON.parse(stdout), { reason: 'addon-unavailable', addon: { loaded: false, error: /native build/ } })
  t.equal(code, 0)
})
