import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import {
  publishFallback,
  publishSession,
  publishTransferEnd,
  publishTransferError,
  publishTransferStart,
  subscribeDebugLog,
} from '../../../src/observe/diagnostics.js'
import { built, runScript } from '../fixtures/child.js'

type Publish = (build: () => never) => void
const channels: [name: string, publish: Publish][] = [
  ['ktls-pipe:session', publishSession],
  ['ktls-pipe:fallback', publishFallback],
  ['tracing:ktls-pipe:transfer:start', publishTransferStart],
  ['tracing:ktls-pipe:transfer:asyncEnd', publishTransferEnd],
  ['tracing:ktls-pipe:transfer:error', publishTransferError],
]

function listenTo(t: Test, name: string): unknown[] {
  const messages: unknown[] = []
  const listen = (message: unknown) => messages.push(message)
  subscribe(name, listen)
  t.teardown(() => unsubscribe(name, listen))
  return messages
}

for (const [name, publish] of channels) {
  t.test(`${name}: nothing is built for nobody`, async (t) => {
    for (const [other] of channels) if (other !== name) listenTo(t, other)
    publish(() => t.fail('built') as never)
    t.pass('not built')
  })

  t.test(`${name}: its subscribers get what was built, once`, async (t) => {
    const heard = new Map(channels.map(([channel]) => [channel, listenTo(t, channel)]))
    const event = { name }
    let built = 0
    publish(() => {
      built++
      return event as never
    })
    t.equal(built, 1)
    t.strictSame(heard.get(name), [], 'not in the middle of whatever goes on')
    await turn()
    for (const [channel, messages] of heard) t.strictSame(messages, channel === name ? [event] : [], channel)
    t.equal(heard.get(name)?.[0], event)
  })
}

t.test('without NODE_DEBUG nobody listens', async (t) => {
  subscribeDebugLog()
  for (const [, publish] of channels) publish(() => t.fail('built') as never)
  t.pass('nothing was built')
})

const publishAll = `
  await import(${JSON.stringify(built('index.js'))})
  await import(${JSON.stringify(built('index.js'))} + '?copy')
  const { channel, tracingChannel } = await import('node:diagnostics_channel')
  const transfer = tracingChannel('ktls-pipe:transfer')
  const [source, destination, socket] = [{}, {}, {}]
  channel('ktls-pipe:session').publish({ socket, encryption: 'kernel' })
  channel('ktls-pipe:session').publish({ socket, encryption: 'userspace', reason: 'http2' })
  channel('ktls-pipe:session').publish({ socket, encryption: 'userspace', reason: 'kernel-refused', errno: 22 })
  channel('ktls-pipe:fallback').publish({ reason: 'source-empty', source, destination })
  const event = { engine: 'tls', source, destination, bytesSent: 1234 }
  transfer.start.publish(event)
  transfer.asyncEnd.publish(event)
  transfer.error.publish({ ...event, error: new Error('what went wrong') })`

t.test('NODE_DEBUG=ktls-pipe prints what the channels say, one line each', async (t) => {
  const { stderr, stdout, code } = await runScript(publishAll, { environment: { NODE_DEBUG: 'ktls-pipe' } })
  t.equal(code, 0)
  t.equal(stdout, '')
  const lines = stderr.trimEnd().split('\n')
  t.strictSame(
    lines.map((line) => line.replace(/^KTLS-PIPE \d+: /, '')),
    [
      'session: kernel',
      'session: userspace (http2)',
      'session: userspace (kernel-refused, errno 22)',
      'fallback: source-empty',
      'transfer: begun, engine tls',
      'transfer: done, 1234 bytes',
      'transfer: failed, what went wrong',
    ],
  )
})

t.test('otherwise nothing is printed', async (t) => {
  for (const environment of [{}, { NODE_DEBUG: 'http' }]) {
    const { stderr } = await runScript(publishAll, { environment })
    t.notMatch(stderr, /KTLS-PIPE/)
  }
})
