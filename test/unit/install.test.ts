import { ReadStream } from 'node:fs'
import { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { install, prepare, uninstall } from '../../src/install.js'
import { applyOptions, currentSettings } from '../../src/options.js'
import { FakeBinding } from './fixtures/fake-binding.js'
import { throwsInvalidArgument } from './fixtures/invalid-argument.js'
import { useBinding } from './fixtures/slots.js'

const tlsPrototype = TLSSocket.prototype as unknown as { _init: unknown }
const nodesInit = tlsPrototype._init
const ownPipe = () => Reflect.getOwnPropertyDescriptor(ReadStream.prototype, 'pipe')

function setUp(t: Test) {
  const binding = new FakeBinding()
  useBinding(binding)
  t.teardown(() => {
    uninstall()
    applyOptions({})
  })
  return binding
}

t.test('prepare: sessions are counted, and no prototype is touched', async (t) => {
  const binding = setUp(t)
  prepare()
  t.strictSame(binding.calls, [['startTracking'], ['openMailbox'], ['setSenderThreads', 0]])
  t.equal(ownPipe(), undefined)
  t.equal(tlsPrototype._init, nodesInit)
})

t.test('install: once, however often it is called', async (t) => {
  const binding = setUp(t)
  install()
  const pipe = ownPipe()?.value
  t.type(pipe, 'function')
  const init = tlsPrototype._init
  t.not(init, nodesInit)
  install()
  install({})
  t.equal(ownPipe()?.value, pipe)
  t.equal(tlsPrototype._init, init)
  t.equal(binding.count('startTracking'), 1)
})

t.test('install: a later call replaces the options', async (t) => {
  const binding = setUp(t)
  install()
  const defaults = currentSettings()
  install({ tls: false, tcp: { minimumBytes: 5 }, threads: 3 })
  t.strictSame(currentSettings(), {
    disabled: false,
    minimumBytes: { tls: false, tcp: 5 },
    threads: 3,
    logsFiles: false,
  })
  t.strictSame(binding.calls.at(-1), ['setSenderThreads', 3])
  install({ threads: 2 })
  t.strictSame(currentSettings(), { ...defaults, threads: 2 }, 'what it leaves out is as before the first')
  install()
  t.strictSame(currentSettings(), defaults)
})

t.test('install: wrong options change nothing', async (t) => {
  const binding = setUp(t)
  const before = currentSettings()
  throwsInvalidArgument(t, 'options.threads', 1.5, () => install({ tls: false, threads: 1.5 }))
  throwsInvalidArgument(t, 'options.tls', true, () => install({ tls: true as never }))
  throwsInvalidArgument(t, 'options', 'all', () => install('all' as never))
  t.equal(ownPipe(), undefined)
  t.strictSame(currentSettings(), before)
  t.strictSame(binding.calls, [])
})

t.test('uninstall: everything is as it was, and install() begins anew', async (t) => {
  const binding = setUp(t)
  uninstall()
  t.strictSame(binding.calls, [], 'nothing to take away')
  install()
  uninstall()
  t.equal(ownPipe(), undefined)
  t.equal(tlsPrototype._init, nodesInit)
  t.equal(binding.count('stopTracking'), 1)
  uninstall()
  t.equal(binding.count('stopTracking'), 1)
  install()
  t.ok(ownPipe())
  t.equal(binding.count('startTracking'), 2)
})

t.test('switched off by the environment: nothing is intercepted', async (t) => {
  setUp(t)
  process.env.KTLS_PIPE_DISABLE = '1'
  t.teardown(() => {
    delete process.env.KTLS_PIPE_DISABLE
  })
  install({ tls: { minimumBytes: 1 } })
  t.equal(currentSettings().disabled, true)
  t.equal(ownPipe(), undefined)
  t.equal(tlsPrototype._init, nodesInit)
})
