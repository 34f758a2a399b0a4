import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import os, { constants } from 'node:os'
import t, { type Test } from 'tap'
import type { LoadedBinding } from '../../../src/native/load.js'
import { inspectSupport } from '../../../src/observe/support.js'
import { sharedSlot } from '../../../src/shared-state.js'
import { FakeBinding } from '../fixtures/fake-binding.js'
import { forgetSlot, useBinding } from '../fixtures/slots.js'

const { ENOENT, EINVAL } = constants.errno
const numbers: [version: string, cipher: string, key: string][] = [
  ['TLSv1.2', 'AES-128-GCM', '771/51'],
  ['TLSv1.2', 'AES-256-GCM', '771/52'],
  ['TLSv1.2', 'CHACHA20-POLY1305', '771/54'],
  ['TLSv1.3', 'AES-128-GCM', '772/51'],
  ['TLSv1.3', 'AES-256-GCM', '772/52'],
  ['TLSv1.3', 'CHACHA20-POLY1305', '772/54'],
]

function setUp() {
  const binding = new FakeBinding()
  useBinding(binding)
  return binding
}

function useNoBinding(answer: Omit<Extract<LoadedBinding, { binding: undefined }>, 'binding'>): void {
  forgetSlot('binding')
  sharedSlot('binding', () => ({ binding: undefined, ...answer }))
}

function setEnvironment(t: Test, variables: Record<string, string>): void {
  Object.assign(process.env, variables)
  t.teardown(() => {
    for (const name of Object.keys(variables)) delete process.env[name]
  })
}

t.test('each version and cipher is tried, by the numbers that the kernel knows', async (t) => {
  const binding = setUp()
  const report = await inspectSupport()
  t.strictSame(
    binding.calls.filter(([name]) => name === 'probeTls').map(([, version, cipher]) => `${version}/${cipher}`),
    numbers.map(([, , key]) => key),
  )
  t.strictSame(
    report.kernelTls.ciphers,
    numbers.map(([version, cipher]) => ({ version, cipher, available: true })),
  )
  t.strictSame(report, {
    reason: undefined,
    platform: process.platform,
    architecture: process.arch,
    kernel: os.release(),
    node: process.version,
    openssl: process.versions.openssl,
    addon: { loaded: true },
    kernelTls: { available: true, ciphers: report.kernelTls.ciphers, rekey: true },
    fips: false,
    environment: { disabled: false, malformed: [] },
  })
})

t.test('what is refused is named, with its error; one that works is enough', async (t) => {
  const binding = setUp()
  for (const [, , key] of numbers) if (key !== '772/52') binding.probes.set(key, key === '771/54' ? -EINVAL : -ENOENT)
  const { reason, kernelTls } = await inspectSupport()
  t.equal(reason, undefined)
  t.equal(kernelTls.available, true)
  t.strictSame(
    kernelTls.ciphers,
    numbers.map(([version, cipher, key]) => ({
      version,
      cipher,
      available: key === '772/52',
      ...(key === '772/52' ? {} : { error: key === '771/54' ? 'EINVAL' : 'ENOENT' }),
    })),
  )
})

t.test('without kernel TLS', async (t) => {
  const binding = setUp()
  for (const [, , key] of numbers) binding.probes.set(key, -ENOENT)
  const { reason, kernelTls } = await inspectSupport()
  t.equal(reason, 'kernel-tls-unavailable')
  t.match(kernelTls, { available: false, rekey: false })
  t.equal(binding.count('probeRekey'), 0, 'nothing to try it with')
})

t.test('a kernel that takes no new keys', async (t) => {
  const binding = setUp()
  binding.rekey = -constants.errno.EBUSY
  t.match(await inspectSupport(), { reason: undefined, kernelTls: { available: true, rekey: false } })
})

t.test('without the addon: the reason, and the error that it was', async (t) => {
  useNoBinding({ reason: 'addon-unavailable', cause: new Error('no such file') })
  t.match(await inspectSupport(), {
    reason: 'addon-unavailable',
    addon: { loaded: false, error: 'no such file' },
    kernelTls: { available: false, ciphers: [], rekey: false },
  })
  useNoBinding({ reason: 'platform-unsupported', cause: undefined })
  const { reason, addon } = await inspectSupport()
  t.equal(reason, 'platform-unsupported')
  t.strictSame(addon, { loaded: false })
})

t.test('FIPS mode', async (t) => {
  const { getFips } = crypto
  crypto.getFips = () => 1
  syncBuiltinESMExports()
  t.teardown(() => {
    crypto.getFips = getFips
    syncBuiltinESMExports()
  })
  setUp()
  t.match(await inspectSupport(), { reason: 'fips-mode', fips: true })
  useNoBinding({ reason: 'addons-disabled', cause: undefined })
  t.match(await inspectSupport(), { reason: 'addons-disabled', fips: true }, 'what is met first')
})

t.test('TLS alone is switched off', async (t) => {
  setEnvironment(t, { KTLS_PIPE_TLS: '0' })
  setUp()
  t.equal((await inspectSupport()).reason, 'disabled', 'what a new https connection would meet')
})

t.test('the environment: what it switches off, and what it says that cannot be understood', async (t) => {
  setEnvironment(t, { KTLS_PIPE_DISABLE: '1', KTLS_PIPE_THREADS: 'many' })
  setUp()
  const { reason, environment } = await inspectSupport()
  t.equal(reason, 'disabled')
  t.strictSame(environment, {
    disabled: true,
    malformed: [{ name: 'KTLS_PIPE_THREADS', value: 'many', expected: 'a whole number from 0 to 64' }],
  })
})
