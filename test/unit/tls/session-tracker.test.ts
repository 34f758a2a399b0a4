import { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import {
  adoptOlderContexts,
  leaveOlderContexts,
  startTracking,
  stopTracking,
} from '../../../src/tls/session-tracker.js'
import { FakeBinding } from '../fixtures/fake-binding.js'
import { forgetSlot, slot, useBinding } from '../fixtures/slots.js'

type Init = (...parameters: unknown[]) => unknown
const prototype = TLSSocket.prototype as unknown as { _init: Init }
const nodesOwn = prototype._init

function setUp(t: Test) {
  const binding = new FakeBinding()
  useBinding(binding)
  t.teardown(() => {
    leaveOlderContexts()
    stopTracking()
    prototype._init = nodesOwn
  })
  return binding
}

t.test('tracking is started once, and stopped once', async (t) => {
  const binding = setUp(t)
  stopTracking()
  t.strictSame(binding.calls, [])
  startTracking()
  startTracking()
  t.strictSame(binding.calls, [['startTracking']])
  stopTracking()
  stopTracking()
  t.strictSame(binding.calls, [['startTracking'], ['stopTracking']])
  startTracking()
  t.equal(binding.count('startTracking'), 2, 'it may begin anew')
  t.equal(prototype._init, nodesOwn, 'no prototype was touched')
})

t.test('tracking that could not be started is tried again, and never stopped', async (t) => {
  const binding = setUp(t)
  binding.trackingStarts = false
  startTracking()
  startTracking()
  t.equal(binding.count('startTracking'), 2)
  adoptOlderContexts()
  t.equal(prototype._init, nodesOwn)
  stopTracking()
  t.equal(binding.count('stopTracking'), 0)
})

t.test('without the addon nothing is done', async (t) => {
  setUp(t)
  const binding = slot('binding')
  forgetSlot('binding')
  const { sharedSlot } = await import('../../../src/shared-state.js')
  sharedSlot('binding', () => ({ binding: undefined, reason: 'disabled', cause: undefined }))
  t.not(slot('binding'), binding)
  t.doesNotThrow(startTracking)
  t.doesNotThrow(adoptOlderContexts)
  t.equal(prototype._init, nodesOwn)
  t.doesNotThrow(stopTracking)
})

t.test('older contexts are adopted only while sessions are tracked', async (t) => {
  setUp(t)
  adoptOlderContexts()
  t.equal(prototype._init, nodesOwn)
})

t.test('_init: adopts, then does what it did', async (t) => {
  const binding = setUp(t)
  const order: unknown[][] = []
  prototype._init = function (this: unknown, ...parameters: unknown[]) {
    order.push([this, parameters, binding.count('adoptLatestSession')])
    return 'result'
  }
  startTracking()
  adoptOlderContexts()
  const socket = {}
  t.equal(prototype._init.call(socket, 'a', 'b'), 'result')
  t.strictSame(order, [[socket, ['a', 'b'], 1]])
  t.equal(order[0]?.[0], socket)
})

t.test('_init is wrapped once, and put back', async (t) => {
  const binding = setUp(t)
  startTracking()
  adoptOlderContexts()
  const wrapper = prototype._init
  t.not(wrapper, nodesOwn)
  adoptOlderContexts()
  t.equal(prototype._init, wrapper)
  leaveOlderContexts()
  t.equal(prototype._init, nodesOwn)
  leaveOlderContexts()
  t.equal(prototype._init, nodesOwn)
  adoptOlderContexts()
  t.not(prototype._init, nodesOwn, 'it may begin anew')
  t.equal(binding.count('adoptLatestSession'), 0, 'no session was made')
})

t.test("someone else's wrapper around it is kept", async (t) => {
  setUp(t)
  startTracking()
  adoptOlderContexts()
  const ours = prototype._init
  const theirs: Init = function (this: unknown, ...parameters) {
    return Reflect.apply(ours, this, parameters)
  }
  prototype._init = theirs
  leaveOlderContexts()
  t.equal(prototype._init, theirs)
})

t.test('a copy of the package does not wrap it again', async (t) => {
  setUp(t)
  const specifier: string = '../../../src/tls/session-tracker.js?copy'
  const copy = (await import(specifier)) as typeof import('../../../src/tls/session-tracker.js')
  t.not(copy.adoptOlderContexts, adoptOlderContexts, 'there are two')
  startTracking()
  adoptOlderContexts()
  const wrapper = prototype._init
  copy.adoptOlderContexts()
  t.equal(prototype._init, wrapper)
  copy.leaveOlderContexts()
  t.equal(prototype._init, nodesOwn)
})
