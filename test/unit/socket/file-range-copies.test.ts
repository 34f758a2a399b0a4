// Two copies of the package in one thread. The second one is loaded from its source, so no bundle can hold this test.

import t from 'tap'
import { createRangeChunk, rangeOf } from '../../../src/socket/file-range.js'
import { FakeFile } from '../fixtures/fake-binding.js'

t.test('a range that was made by one copy of the package is known to another', async (t) => {
  const specifier: string = '../../../src/socket/file-range.js?copy'
  const copy = (await import(specifier)) as typeof import('../../../src/socket/file-range.js')
  t.not(copy.rangeOf, rangeOf, 'there are two')
  const observer = { rangeOffloaded() {}, rangeFellBack() {} }
  const mine = { file: new FakeFile(), offset: 0, remaining: 10, observer, bytesSent: 0, bytesOffloaded: 0 }
  t.equal(copy.rangeOf(createRangeChunk(mine)), mine)
})
