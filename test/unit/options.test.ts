import t, { type Test } from 'tap'
import {
  applyOptions,
  checkInstallOptions,
  currentSettings,
  type InstallOptions,
  readEnvironment,
} from '../../src/options.js'
import { throwsInvalidArgument } from './fixtures/invalid-argument.js'

const defaults = readEnvironment({}).settings
const bytes = `a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`

/** Sets variables of this process for the length of a test, which ends with the options back at their defaults. */
function setEnvironment(t: Test, variables: Record<string, string>): void {
  Object.assign(process.env, variables)
  t.teardown(() => {
    for (const name of Object.keys(variables)) delete process.env[name]
    applyOptions({})
  })
}

t.test('an empty environment leaves everything on', async (t) => {
  const { settings, malformed } = readEnvironment({})
  t.strictSame(malformed, [])
  t.equal(settings.disabled, false)
  t.equal(settings.threads, 0)
  for (const engine of ['tls', 'tcp'] as const) {
    const minimum = settings.minimumBytes[engine]
    t.ok(Number.isSafeInteger(minimum) && Number(minimum) > 0, `${engine}: ${minimum}`)
  }
})

t.test('what the environment says', async (t) => {
  const { tls, tcp } = defaults.minimumBytes
  const cases: [NodeJS.ProcessEnv, object][] = [
    [{ KTLS_PIPE_DISABLE: '1' }, { ...defaults, disabled: true }],
    [{ KTLS_PIPE_DISABLE: '0' }, defaults],
    [{ KTLS_PIPE_DISABLE: '' }, defaults],
    [{ KTLS_PIPE_TLS: '0' }, { ...defaults, minimumBytes: { tls: false, tcp } }],
    [{ KTLS_PIPE_TLS: '1' }, defaults],
    [{ KTLS_PIPE_TCP: '0' }, { ...defaults, minimumBytes: { tls, tcp: false } }],
    [{ KTLS_PIPE_TLS_MINIMUM_BYTES: '0' }, { ...defaults, minimumBytes: { tls: 0, tcp } }],
    [{ KTLS_PIPE_TLS_MINIMUM_BYTES: '123456' }, { ...defaults, minimumBytes: { tls: 123456, tcp } }],
    [{ KTLS_PIPE_TCP_MINIMUM_BYTES: '7' }, { ...defaults, minimumBytes: { tls, tcp: 7 } }],
    [
      { KTLS_PIPE_TCP_MINIMUM_BYTES: String(Number.MAX_SAFE_INTEGER) },
      { ...defaults, minimumBytes: { tls, tcp: Number.MAX_SAFE_INTEGER } },
    ],
    [{ KTLS_PIPE_TCP_MINIMUM_BYTES: '' }, defaults],
    [
      { KTLS_PIPE_TLS: '0', KTLS_PIPE_TLS_MINIMUM_BYTES: '5' },
      { ...defaults, minimumBytes: { tls: false, tcp } },
    ],
    [{ KTLS_PIPE_THREADS: '3' }, { ...defaults, threads: 3 }],
    [{ KTLS_PIPE_LOG: '1' }, { ...defaults, logsFiles: true }],
    [{ KTLS_PIPE_LOG: '0' }, defaults],
    [{ KTLS_PIPE_THREADS: '64' }, { ...defaults, threads: 64 }],
    [{ KTLS_PIPE_SOMETHING: 'x' }, defaults],
  ]
  for (const [environment, settings] of cases) {
    t.strictSame(readEnvironment(environment), { settings, malformed: [] }, JSON.stringify(environment))
  }
})

t.test('a malformed value is ignored and shown', async (t) => {
  const threads = 'a whole number from 0 to 64'
  const cases: [name: string, expected: string, values: string[]][] = [
    ['KTLS_PIPE_DISABLE', '0 or 1', ['yes', 'true', '2', '01', ' 1', '1 ', '-1']],
    ['KTLS_PIPE_TLS', '0 or 1', ['off', 'false', '00']],
    ['KTLS_PIPE_TCP', '0 or 1', ['no']],
    ['KTLS_PIPE_TLS_MINIMUM_BYTES', bytes, ['-1', '1.5', '1e3', '64k', '0x10', ' 5', 'NaN', '9007199254740992']],
    ['KTLS_PIPE_TCP_MINIMUM_BYTES', bytes, ['9'.repeat(17), 'Infinity']],
    ['KTLS_PIPE_THREADS', threads, ['65', '-1', '1.0', 'two']],
  ]
  for (const [name, expected, values] of cases) {
    for (const value of values) {
      t.strictSame(
        readEnvironment({ [name]: value }),
        { settings: defaults, malformed: [{ name, value, expected }] },
        `${name}='${value}'`,
      )
    }
  }
})

t.test('one malformed value does not take the others with it', async (t) => {
  const { settings, malformed } = readEnvironment({
    KTLS_PIPE_TLS: 'off',
    KTLS_PIPE_TCP: '0',
    KTLS_PIPE_THREADS: 'many',
    KTLS_PIPE_TLS_MINIMUM_BYTES: '42',
  })
  t.strictSame(settings, { disabled: false, minimumBytes: { tls: 42, tcp: false }, threads: 0, logsFiles: false })
  t.strictSame(malformed.map(({ name }) => name).sort(), ['KTLS_PIPE_THREADS', 'KTLS_PIPE_TLS'])
})

t.test('options take the place of what was set before', async (t) => {
  setEnvironment(t, { KTLS_PIPE_TCP_MINIMUM_BYTES: '11', KTLS_PIPE_THREADS: '5' })
  const set = (options: InstallOptions) => {
    applyOptions(options)
    return currentSettings()
  }
  const { tls } = defaults.minimumBytes
  t.strictSame(set({ tls: { minimumBytes: 1 }, tcp: { minimumBytes: 2 }, threads: 3 }), {
    disabled: false,
    minimumBytes: { tls: 1, tcp: 2 },
    threads: 3,
    logsFiles: false,
  })
  t.strictSame(set({ tls: false }), {
    disabled: false,
    minimumBytes: { tls: false, tcp: 11 },
    threads: 5,
    logsFiles: false,
  })
  t.strictSame(set({ tls: {}, tcp: {} }), {
    disabled: false,
    minimumBytes: { tls, tcp: 11 },
    threads: 5,
    logsFiles: false,
  })
  t.strictSame(set({ tcp: false, threads: 0 }), {
    disabled: false,
    minimumBytes: { tls, tcp: false },
    threads: 0,
    logsFiles: false,
  })
  t.strictSame(set({}), { disabled: false, minimumBytes: { tls, tcp: 11 }, threads: 5, logsFiles: false })
})

t.test('what the environment switches off, no option switches on', async (t) => {
  setEnvironment(t, { KTLS_PIPE_DISABLE: '1', KTLS_PIPE_TLS: '0' })
  applyOptions({ tls: { minimumBytes: 1 }, tcp: { minimumBytes: 2 } })
  t.strictSame(currentSettings(), {
    disabled: true,
    minimumBytes: { tls: false, tcp: 2 },
    threads: 0,
    logsFiles: false,
  })
})

t.test('right options for install()', async (t) => {
  const right: unknown[] = [
    undefined,
    {},
    { tls: undefined, tcp: undefined, threads: undefined },
    { tls: false, tcp: false },
    { tls: {}, tcp: { minimumBytes: undefined } },
    { tls: { minimumBytes: 0 }, tcp: { minimumBytes: Number.MAX_SAFE_INTEGER } },
    { threads: 0 },
    { threads: 64 },
    { somethingElse: 1 },
  ]
  for (const options of right) t.doesNotThrow(() => checkInstallOptions(options), JSON.stringify(options))
})

t.test('wrong options for install()', async (t) => {
  for (const wrong of [null, 1, 'x', true, () => {}]) {
    throwsInvalidArgument(t, 'options', wrong, () => checkInstallOptions(wrong))
  }
  for (const engine of ['tls', 'tcp']) {
    for (const wrong of [true, null, 0, 1024, 'off']) {
      throwsInvalidArgument(t, `options.${engine}`, wrong, () => checkInstallOptions({ [engine]: wrong }))
    }
    for (const wrong of [-1, 1.5, Number.NaN, Infinity, '64', null, 10n, 2 ** 53]) {
      throwsInvalidArgument(t, `options.${engine}.minimumBytes`, wrong, () =>
        checkInstallOptions({ [engine]: { minimumBytes: wrong } }),
      )
    }
  }
  for (const wrong of [-1, 65, 0.5, '2', null, Number.NaN]) {
    throwsInvalidArgument(t, 'options.threads', wrong, () => checkInstallOptions({ threads: wrong }))
  }
})
