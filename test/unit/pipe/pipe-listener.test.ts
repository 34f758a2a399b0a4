import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { Readable, type Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import t, { type Test } from 'tap'
import { getStats } from '../../../src/observe/stats.js'
import { interceptPipe, restorePipe } from '../../../src/pipe/pipe-interceptor.js'
import { offloadPipesInto } from '../../../src/pipe/pipe-listener.js'
import { FakeBinding } from '../fixtures/fake-binding.js'
import { sink } from '../fixtures/sink.js'
import { useBinding } from '../fixtures/slots.js'

useBinding(new FakeBinding())

/** How many transfers were planned: a Writable that is no socket is a fallback each time. */
const planned = () => getStats().fallbacks['destination-unsupported'] ?? 0

async function pipeInto(t: Test, stream: Writable): Promise<void> {
  createReadStream(join(t.testdir({ file: 'content' }), 'file')).pipe(stream)
  await finished(stream)
}

t.test('a file that is piped into it is planned, once, however often it was asked for', async (t) => {
  const { stream, written } = sink()
  offloadPipesInto(stream)
  offloadPipesInto(stream)
  t.equal(stream.listenerCount('pipe'), 1)
  const before = planned()
  await pipeInto(t, stream)
  t.strictSame(written, ['content'])
  t.equal(planned(), before + 1)
})

t.test('other destinations and other sources are not looked at', async (t) => {
  const before = planned()
  await pipeInto(t, sink().stream)
  const { stream, written } = sink()
  offloadPipesInto(stream)
  Readable.from(['a', 'b']).pipe(stream)
  await finished(stream)
  t.strictSame(written, ['a', 'b'])
  t.equal(planned(), before)
})

t.test('where pipe() itself plans, it is left to that', async (t) => {
  interceptPipe()
  t.teardown(restorePipe)
  const { stream } = sink()
  offloadPipesInto(stream)
  const before = planned()
  await pipeInto(t, stream)
  t.equal(planned(), before + 1)
})
