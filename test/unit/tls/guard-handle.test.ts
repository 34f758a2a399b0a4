import t from 'tap'
import { guardHandle } from '../../../src/tls/guard-handle.js'
import { FakeBinding } from '../fixtures/fake-binding.js'
import { useBinding } from '../fixtures/slots.js'

t.test('what a handle must not do any more', async (t) => {
  const binding = new FakeBinding()
  useBinding(binding)
  const done: string[] = []
  const prototype = { enableTrace: () => done.push('trace'), setMaxSendFragment: () => done.push('fragment') }
  const handle = Object.create(prototype) as { enableTrace(): void; setMaxSendFragment(bytes: number): number }
  guardHandle(handle)
  handle.enableTrace()
  t.strictSame(binding.calls, [['traceSession', handle]], 'traced by our own callback')
  t.equal(handle.setMaxSendFragment(1024), 0, 'refused, as by OpenSSL')
  t.strictSame(done, [])
})
