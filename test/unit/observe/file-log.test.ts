import t from 'tap'
import { built, runScript } from '../fixtures/child.js'

const publishAll = `
  await import(${JSON.stringify(built('index.js'))})
  await import(${JSON.stringify(built('index.js'))} + '?copy')
  const { channel, tracingChannel } = await import('node:diagnostics_channel')
  const transfer = tracingChannel('ktls-pipe:transfer')
  const destination = {}
  channel('ktls-pipe:fallback').publish({ reason: 'below-minimum-size', source: { path: '/srv/a.js' }, destination })
  const event = { engine: 'tls', source: { path: Buffer.from('/srv/b.mp4') }, destination, bytesSent: 1234 }
  transfer.start.publish(event)
  transfer.asyncEnd.publish(event)
  transfer.asyncEnd.publish({ ...event, engine: 'tcp', source: {} })
  transfer.error.publish({ ...event, error: new Error('write ECONNRESET') })`

t.test('KTLS_PIPE_LOG=1: a line for each file, of how it was sent', async (t) => {
  const { stderr, stdout, code } = await runScript(publishAll, { environment: { KTLS_PIPE_LOG: '1' } })
  t.strictSame({ code, stdout }, { code: 0, stdout: '' })
  t.strictSame(stderr.trimEnd().split('\n'), [
    'ktls-pipe: /srv/a.js: by Node (below-minimum-size)',
    'ktls-pipe: /srv/b.mp4: 1234 bytes by kernel TLS',
    'ktls-pipe: a descriptor: 1234 bytes by sendfile',
    'ktls-pipe: /srv/b.mp4: 1234 bytes by kernel TLS, then write ECONNRESET',
  ])
})

t.test('that it is installed is told, with what is too small; and what was ignored', async (t) => {
  const lines = async (options: string, environment: Record<string, string>) => {
    const script = `const { install } = await import(${JSON.stringify(built('index.js'))}); install(${options})`
    const { stderr } = await runScript(script, { environment: { KTLS_PIPE_LOG: '1', ...environment } })
    return stderr.trimEnd().split('\n')
  }
  t.strictSame(await lines('{ tls: { minimumBytes: 7 }, tcp: false }', {}), [
    'ktls-pipe: installed: tries kernel TLS from 7 bytes',
  ])
  t.strictSame(await lines('{ tls: false, tcp: false }', {}), ['ktls-pipe: installed: tries nothing'])
  t.strictSame(await lines('', { KTLS_PIPE_DISABLE: '1' }), ['ktls-pipe: disabled'])
  t.strictSame(await lines('', { KTLS_PIPE_TCP: 'off' }), [
    "ktls-pipe: KTLS_PIPE_TCP is ignored: it must be 0 or 1, it is 'off'",
    'ktls-pipe: installed: tries kernel TLS from 65536 bytes, sendfile from 98304 bytes',
  ])
})

t.test('without it nothing is written, and nobody listens', async (t) => {
  for (const value of ['', '0']) {
    const { stderr, stdout, code } = await runScript(
      `${publishAll}\n console.log(channel('ktls-pipe:fallback').hasSubscribers)`,
      { environment: { KTLS_PIPE_LOG: value } },
    )
    t.strictSame({ code, stdout, stderr }, { code: 0, stdout: 'false\n', stderr: '' }, value)
  }
})
