import t from 'tap'
import { FALLBACK_REASONS } from '../../src/fallback-reason.js'
import { built, runNode } from './fixtures/child.js'

const usage = `usage: ktls-pipe doctor [--json] [--url URL]

Tells whether files over TLS can be encrypted by the kernel here, and if not, what to do about it.

  --json      for programs: docs/doctor.schema.json
  --url URL   looks at a server on this host, too: is the file behind URL encrypted by the kernel?

Exit codes: 0 nothing is in the way, 1 something is, 2 wrong arguments.
`
const cli = (parameters: string[], environment: NodeJS.ProcessEnv = {}) =>
  runNode([built('cli.js'), ...parameters], { environment })

t.test('wrong arguments: usage, on standard error, and exit code 2', async (t) => {
  for (const parameters of [
    [],
    ['--json'],
    ['help'],
    ['doctor', 'doctor'],
    ['Doctor'],
    ['doctor', ''],
    ['doctor', '--url', 'x'],
    ['doctor', '--url=ftp://x'],
  ]) {
    const { code, stdout, stderr } = await cli(parameters)
    t.strictSame({ code, stdout, stderr }, { code: 2, stdout: '', stderr: usage }, JSON.stringify(parameters))
  }
})

t.test('--help: usage, on standard output', async (t) => {
  for (const parameters of [['--help'], ['doctor', '-h']]) {
    const { code, stdout, stderr } = await cli(parameters)
    t.strictSame({ code, stdout, stderr }, { code: 0, stdout: usage, stderr: '' })
  }
})

t.test('wrong options: what is wrong, then usage', async (t) => {
  for (const [option, message] of [
    ['--jsno', /--jsno/],
    ['--json=yes', /--json/],
    ['-j', /-j/],
  ] as const) {
    const { code, stdout, stderr } = await cli(['doctor', option])
    t.strictSame({ code, stdout }, { code: 2, stdout: '' }, option)
    t.ok(stderr.endsWith(`\n${usage}`), stderr)
    t.match(stderr.slice(0, -usage.length), message)
    t.notMatch(stderr, /\n\s+at /, 'no stack trace')
  }
})

interface Report {
  healthy: boolean
  support: { reason?: string; addon: { loaded: boolean }; kernelTls: { available: boolean; ciphers: unknown[] } }
  findings: { requirement: string; ok: boolean; found: string; fix?: string }[]
}

t.test('doctor --json: the report and its findings; exit code 0 only where all is well', async (t) => {
  const { code, stdout, stderr } = await cli(['doctor', '--json'])
  t.equal(stderr, '')
  const { healthy, support, findings } = JSON.parse(stdout) as Report
  t.equal(code, healthy ? 0 : 1)
  t.equal(
    healthy,
    findings.every(({ ok }) => ok),
  )
  t.equal(support.reason === undefined, support.kernelTls.available, 'nothing else speaks against it here')
  if (support.reason !== undefined) t.ok((FALLBACK_REASONS as readonly string[]).includes(support.reason))
  t.equal(support.addon.loaded, true, 'the addon is built')
  t.equal(support.kernelTls.ciphers.length, 6)
  for (const { ok, fix } of findings) t.equal(typeof fix, ok ? 'undefined' : 'string')

  const again = await cli(['--json', 'doctor'])
  t.strictSame({ code: again.code, stdout: again.stdout }, { code, stdout }, 'in any order')
})

t.test('doctor: the same findings, as lines, without colours where it is no terminal', async (t) => {
  const [text, json] = await Promise.all([cli(['doctor']), cli(['doctor', '--json'])])
  const { findings } = JSON.parse(json.stdout) as Report
  t.equal(text.code, json.code)
  t.equal(text.stderr, '')
  const lines = text.stdout.split('\n')
  for (const { requirement, ok, found, fix } of findings) {
    t.ok(lines.includes(`${ok ? 'ok  ' : 'FAIL'} ${requirement}: ${found}`), requirement)
    if (fix !== undefined) t.ok(lines.includes(`     fix: ${fix}`), `${requirement}: fix`)
  }
})

t.test('doctor says what is switched off, and which variable was ignored', async (t) => {
  const { code, stdout } = await cli(['doctor'], { KTLS_PIPE_DISABLE: '1', KTLS_PIPE_THREADS: 'many' })
  t.equal(code, 1)
  t.match(stdout, /^FAIL addon: .*\n {5}fix: unset KTLS_PIPE_DISABLE$/m)
  t.match(stdout, /^FAIL environment KTLS_PIPE_THREADS: 'many' is ignored, .*\n {5}fix: unset KTLS_PIPE_THREADS$/m)
  t.match(stdout, /\(disabled\)/)
})

t.test('doctor without addons', async (t) => {
  const { code, stdout } = await runNode(['--no-addons', built('cli.js'), 'doctor', '--json'])
  t.equal(code, 1)
  t.match(JSON.parse(stdout), { support: { reason: 'addons-disabled', addon: { loaded: false } } })
})

t.test('the CommonJS build of it does the same', async (t) => {
  const [one, other] = await Promise.all([cli(['doctor', '--json']), runNode([built('cli.cjs'), 'doctor', '--json'])])
  t.strictSame({ code: other.code, stdout: other.stdout }, { code: one.code, stdout: one.stdout })
})
