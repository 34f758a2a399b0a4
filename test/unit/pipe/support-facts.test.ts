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

t.test('what the kernel has is asked when somebody wants to know', async (t) => {
  const binding = new FakeBinding()
  useBinding(binding)
  slot<{ askAgainAtMs: number }>('kernel tls').askAgainAtMs = Number.NEGATIVE_INFINITY
  binding.offersTls = false
  const facts = supportFacts()
  t.equal(binding.asksForTls, 0)
  t.equal(facts.kernelTlsUnavailable, true)
  t.equal(binding.asksForTls, 1)
})

t.test('the settings of now', async (t) => {
  useBinding(new FakeBinding())
  applyOptions({ tls: false })
  t.equal(supportFacts().settings.minimumBytes.tls, false)
  applyOptions({})
})
