import t from 'tap'
import { applyOptions, currentSettings } from '../../../src/options.js'
import { supportFacts } from '../../../src/pipe/support-facts.js'
import { sharedSlot } from '../../../src/shared-state.js'
import { FakeBinding } from '../fixtures/fake-binding.js'
import { forgetSlot, slot, useBinding } from '../fixtures/slots.js'

t.test('with the addon', async (t) => {
  useBinding(new FakeBinding())
  t.strictSame(supportFacts(), {
    unsupported: undefined,
    kernelTlsUnavailable: false,
    settings: currentSettings(),
  })
})

t.test('without it: why', async (t) => {
  forgetSlot('binding')
  sharedSlot('binding', () => ({ binding: undefined, reason: 'kernel-too-old', cause: undefined }))
  t.equal(supportFacts().unsupported, 'kernel-too-old')
})

t.test('a kernel that was asked a moment ago, and the settings of now', async (t) => {
  useBinding(new FakeBinding())
  const kernel = slot<{ unavailableUntilMs: number }>('kernel tls')
  kernel.unavailableUntilMs = performance.now() + 1000
  t.equal(supportFacts().kernelTlsUnavailable, true)
  kernel.unavailableUntilMs = 0
  t.equal(supportFacts().kernelTlsUnavailable, false)
  applyOptions({ tls: false })
  t.equal(supportFacts().settings.minimumBytes.tls, false)
  applyOptions({})
})
