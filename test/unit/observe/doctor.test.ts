import t from 'tap'
import { explainFallback, FALLBACK_REASONS, type FallbackReason } from '../../../src/fallback-reason.js'
import { diagnose, type Finding, formatFindings, isHealthy } from '../../../src/observe/doctor.js'
import type { CipherSupport, SupportReport } from '../../../src/observe/support.js'

const ciphers = (error?: (cipher: string) => string | undefined): CipherSupport[] =>
  (['TLSv1.2', 'TLSv1.3'] as const).flatMap((version) =>
    (['AES-128-GCM', 'AES-256-GCM', 'CHACHA20-POLY1305'] as const).map((cipher) => {
      const refused = error?.(cipher)
      return { version, cipher, available: refused === undefined, ...(refused ? { error: refused } : {}) }
    }),
  )

const healthy: SupportReport = {
  reason: undefined,
  platform: 'linux',
  architecture: 'x64',
  kernel: '6.12.9-amd64',
  node: 'v22.1.0',
  openssl: '3.0.15',
  addon: { loaded: true },
  kernelTls: { available: true, ciphers: ciphers(), rekey: false },
  fips: false,
  environment: { disabled: false, malformed: [] },
}

/** Without the addon nothing was asked of the kernel. */
const withoutAddon = (reason: FallbackReason, error?: string): SupportReport => ({
  ...healthy,
  reason,
  addon: { loaded: false, ...(error === undefined ? {} : { error }) },
  kernelTls: { available: false, ciphers: [], rekey: false },
})

const withoutKernelTls = (error: string): SupportReport => ({
  ...healthy,
  reason: 'kernel-tls-unavailable',
  kernelTls: { available: false, ciphers: ciphers(() => error), rekey: false },
})

const reports: [name: string, report: SupportReport, failing: string[]][] = [
  ['all is well', healthy, []],
  [
    'disabled',
    { ...withoutAddon('disabled'), environment: { disabled: true, malformed: [] } },
    ['addon', 'kernel TLS'],
  ],
  ['disabled for TLS', { ...healthy, reason: 'disabled' }, ['environment KTLS_PIPE_TLS']],
  [
    'another system',
    { ...withoutAddon('platform-unsupported'), platform: 'darwin', kernel: '23.1.0' },
    ['operating system', 'addon', 'kernel TLS'],
  ],
  [
    'an old kernel',
    { ...withoutAddon('kernel-too-old'), kernel: '5.3.0' },
    ['operating system', 'addon', 'kernel TLS'],
  ],
  [
    'another runtime',
    withoutAddon('runtime-unsupported', 'this OpenSSL lacks SSL_new'),
    ['runtime', 'addon', 'kernel TLS'],
  ],
  ['no addon', withoutAddon('addon-unavailable', 'No native build was found'), ['addon', 'kernel TLS']],
  ['no addons', withoutAddon('addons-disabled', 'Cannot load native addon'), ['addon', 'kernel TLS']],
  ['no module', withoutKernelTls('ENOENT'), ['kernel TLS']],
  ['no kernel TLS', withoutKernelTls('ENOPROTOOPT'), ['kernel TLS']],
  ['FIPS', { ...healthy, reason: 'fips-mode', fips: true }, ['FIPS mode']],
  [
    'a cipher is missing',
    {
      ...healthy,
      kernelTls: {
        available: true,
        ciphers: ciphers((cipher) => (cipher.startsWith('CHACHA20') ? 'EINVAL' : undefined)),
        rekey: true,
      },
    },
    ['TLSv1.2 CHACHA20-POLY1305', 'TLSv1.3 CHACHA20-POLY1305'],
  ],
  [
    'malformed variables',
    {
      ...healthy,
      environment: {
        disabled: false,
        malformed: [
          { name: 'KTLS_PIPE_TLS', value: 'off', expected: '0 or 1' },
          { name: 'KTLS_PIPE_THREADS', value: 'x', expected: 'a whole number from 0 to 64' },
        ],
      },
    },
    ['environment KTLS_PIPE_TLS', 'environment KTLS_PIPE_THREADS'],
  ],
]

const failuresOf = (findings: Finding[]) => findings.filter(({ ok }) => !ok)

for (const [name, report, failing] of reports) {
  t.test(`${name}: what fails, each with exactly one fix`, async (t) => {
    const findings = diagnose(report)
    t.strictSame(
      failuresOf(findings).map(({ requirement }) => requirement),
      failing,
    )
    for (const { requirement, ok, found, fix } of findings) {
      t.match(found, /^\S.*\S$/, `${requirement}: what was found, on one line`)
      if (ok) t.equal(fix, undefined, `${requirement} needs no fix`)
      else t.match(fix, /^\S.*\S$/, `${requirement} has one`)
    }
    t.equal(new Set(findings.map(({ requirement }) => requirement)).size, findings.length, 'nothing twice')
  })

  t.test(`${name}: as text`, async (t) => {
    const findings = diagnose(report)
    const lines = formatFindings(findings, report).split('\n')
    const verdict = lines.pop()
    t.strictSame(
      lines.filter((line) => line.startsWith('ok  ') || line.startsWith('FAIL')),
      findings.map(({ requirement, ok, found }) => `${ok ? 'ok  ' : 'FAIL'} ${requirement}: ${found}`),
    )
    t.strictSame(
      lines.filter((line) => line.startsWith('     fix: ')),
      failuresOf(findings).map(({ fix }) => `     fix: ${fix}`),
    )
    t.equal(lines.length, findings.length + failing.length, 'and nothing else')
    for (const [index, line] of lines.entries()) {
      t.equal(lines[index + 1]?.startsWith('     fix: ') ?? false, line.startsWith('FAIL'), line)
    }
    if (report.reason === undefined) t.match(verdict, /Kernel TLS works/)
    else t.ok(verdict?.includes(`(${report.reason}): ${explainFallback(report.reason)}`), String(verdict))
  })
}

t.test('what was found is what the report says', async (t) => {
  const found = (report: SupportReport) =>
    new Map(diagnose(report).map(({ requirement, found }) => [requirement, found] as const))
  const well = found(healthy)
  t.equal(well.get('operating system'), 'linux x64, kernel 6.12.9-amd64')
  t.equal(well.get('runtime'), 'Node v22.1.0, OpenSSL 3.0.15')
  t.equal(well.get('addon'), 'loaded')
  t.equal(well.get('FIPS mode'), 'off')
  t.match(well.get('rekey'), /not offered/)
  t.notMatch(found({ ...healthy, kernelTls: { ...healthy.kernelTls, rekey: true } }).get('rekey'), /not/)
  t.equal(found(withoutKernelTls('ENOENT')).has('rekey'), false, 'never asked')

  t.match(found(withoutAddon('addon-unavailable', 'why not')).get('addon'), /why not/)
  t.match(found(withoutAddon('runtime-unsupported', 'this OpenSSL lacks SSL_new')).get('runtime'), /lacks SSL_new/)
  t.equal(found(withoutKernelTls('ENOPROTOOPT')).get('kernel TLS'), 'ENOPROTOOPT', 'each error once')
  t.match(
    found({
      ...healthy,
      environment: { disabled: false, malformed: [{ name: 'KTLS_PIPE_TLS', value: 'off', expected: '0 or 1' }] },
    }).get('environment KTLS_PIPE_TLS'),
    /'off'/,
  )
})

t.test('the fix fits what is wrong', async (t) => {
  const fix = (report: SupportReport) => failuresOf(diagnose(report))[0]?.fix
  t.match(fix(withoutAddon('disabled')), /KTLS_PIPE_DISABLE/)
  t.match(fix(withoutAddon('addons-disabled')), /--no-addons.*--allow-addons/)
  t.match(fix(withoutAddon('addon-unavailable')), /npm run build:native/)
  t.match(fix({ ...withoutAddon('kernel-too-old'), kernel: '5.3.0' }), /5\.4/)
  t.match(fix({ ...withoutAddon('platform-unsupported'), platform: 'win32' }), /Linux/)
  t.match(fix(withoutAddon('runtime-unsupported')), /Node/)
  t.match(fix(withoutKernelTls('ENOENT')), /modprobe tls/)
  t.match(fix(withoutKernelTls('ENOPROTOOPT')), /CONFIG_TLS/)
  const refuses = (family: string): SupportReport => ({
    ...healthy,
    kernelTls: {
      available: true,
      ciphers: ciphers((cipher) => (cipher.startsWith(family) ? 'ENOENT' : undefined)),
      rekey: false,
    },
  })
  t.match(fix(refuses('CHACHA20')), /chacha20poly1305/)
  t.match(fix(refuses('AES')), /\bgcm\b/)
})

t.test('healthy is whoever has no reason against it', async (t) => {
  t.equal(isHealthy(healthy), true)
  for (const reason of FALLBACK_REASONS) t.equal(isHealthy({ ...healthy, reason }), false, reason)
})
