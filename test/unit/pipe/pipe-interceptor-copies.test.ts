// Two copies of the package in one thread. The second one is loaded from its source, so no bundle can hold this test.

import { ReadStream } from 'node:fs'
import t from 'tap'
import { interceptPipe, restorePipe } from '../../../src/pipe/pipe-interceptor.js'
import { FakeBinding } from '../fixtures/fake-binding.js'
import { useBinding } from '../fixtures/slots.js'

const prototype = ReadStream.prototype as unknown as { pipe: unknown }
const ownPipe = () => Reflect.getOwnPropertyDescriptor(prototype, 'pipe')

useBinding(new FakeBinding())

t.test('two copies of the package intercept once, and either takes it away', async (t) => {
  interceptPipe()
  t.teardown(restorePipe)
  const specifier: string = '../../../src/pipe/pipe-interceptor.js?copy'
  const copy = (await import(specifier)) as typeof import('../../../src/pipe/pipe-interceptor.js')
  t.not(copy.interceptPipe, interceptPipe, 'there are two')
  const pipe = prototype.pipe
  copy.interceptPipe()
  t.equal(prototype.pipe, pipe)
  copy.restorePipe()
  t.equal(ownPipe(), undefined)
  copy.interceptPipe()
  interceptPipe()
  restorePipe()
  t.equal(ownPipe(), undefined)
})
