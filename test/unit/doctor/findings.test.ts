import t from 'tap'
import type { DoctorReport } from '../../../src/doctor/doctor.js'
import type { Finding } from '../../../src/doctor/finding.js'
import { diagnose } from '../../../src/doctor/findings.js'
import { formatFindings } from '../../../src/doctor/format.js'
import type { ModuleState } from '../../../src/doctor/kernel-module.js'
import type { LoopbackTransfer } from '../../../src/doctor/loopback-transfer.js'
import type { NetworkCards } from '../../../src/doctor/network-cards.js'
import type { ServedUrl } from '../../../src/doctor/served-url.js'
import { explainFallback, type FallbackReason } from '../../../src/fallback-reason.js'
import type { CipherSupport, SupportReport } from '../../../src/observe/support.js'

const ciphers = (error?: (cipher: string) => string | undefined): CipherSupport[] =>
  (['TLSv1.2', 'TLSv1.3'] as const).flatMap((version) =>
    (['AES-128-GCM', 'AES-256-GCM', 'CHACHA20-POLY1305'] as const).map((cipher) => {
      const refused = error?.(cipher)
      return { version, cipher, available: refused === undefined, ...(refused ? { error: refused } : {}) }
    }),
  )

const support: SupportReport = {
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

const transfer: LoopbackTransfer = {
  bytes: 8 * 2 ** 20,
  intact: true,
  session: 'TLSv1.3 TLS_AES_256_GCM_SHA384',
  encryption: 'kernel',
  bytesOffloaded: 8 * 2 ** 20,
}

const healthy: DoctorReport = {
  support,
  kernelModule: { state: 'loaded', mayAutoload: false, loadingDisabled: false },
  confinement: { seccompFilter: false, container: undefined, permissionModel: false },
  networkCards: { transmitOffload: { eth0: 'unsupported' }, sessionsOnCard: 0 },
  transfer,
}

const inUserspace = (reason: FallbackReason): LoopbackTransfer => ({
  ...transfer,
  encryption: 'userspace',
  bytesOffloaded: 0,
  fallbackReason: reason,
})

const but = (changes: Partial<SupportReport>, rest: Partial<DoctorReport> = {}): DoctorReport => {
  const changed = { ...support, ...changes }
  const { reason } = changed
  return { ...healthy, support: changed, ...(reason === undefined ? {} : { transfer: inUserspace(reason) }), ...rest }
}

/** Without the addon nothing was asked of the kernel. */
const withoutAddon = (reason: FallbackReason, error?: string, changes: Partial<SupportReport> = {}): DoctorReport =>
  but({
    reason,
    addon: { loaded: false, ...(error === undefined ? {} : { error }) },
    kernelTls: { available: false, ciphers: [], rekey: false },
    ...changes,
  })

const withoutKernelTls = (
  error: string,
  state: ModuleState,
  { kernelModule, ...rest }: Partial<DoctorReport> = {},
): DoctorReport =>
  but(
    {
      reason: 'kernel-tls-unavailable',
      kernelTls: { available: false, ciphers: ciphers(() => error), rekey: false },
    },
    { kernelModule: { ...healthy.kernelModule, ...kernelModule, state }, ...rest },
  )

const refusing = (family: string, error: string): DoctorReport =>
  but({
    kernelTls: {
      available: true,
      ciphers: ciphers((cipher) => (cipher.startsWith(family) ? error : undefined)),
      rekey: true,
    },
  })

const inContainer = { seccompFilter: true, container: 'docker', permissionModel: false } as const
const served: ServedUrl = {
  url: 'https://localhost/',
  encryption: 'kernel',
  newKernelSessions: 1,
  status: 200,
  bytes: 70_000,
}
const malformed = [
  { name: 'KTLS_PIPE_TLS', value: 'off', expected: '0 or 1' },
  { name: 'KTLS_PIPE_THREADS', value: 'x', expected: 'a whole number from 0 to 64' },
]

/** What is wrong, and the fix of each line that fails. */
const reports: [name: string, report: DoctorReport, failing: [requirement: string, fix: RegExp][]][] = [
  ['all is well', healthy, []],
  ['disabled', withoutAddon('disabled'), [['addon', /^unset KTLS_PIPE_DISABLE$/]]],
  ['disabled for TLS', but({ reason: 'disabled' }), [['environment KTLS_PIPE_TLS', /^unset KTLS_PIPE_TLS$/]]],
  [
    'another system',
    withoutAddon('platform-unsupported', undefined, { platform: 'darwin', kernel: '23.1.0' }),
    [
      ['operating system', /Linux/],
      ['addon', /line above/],
    ],
  ],
  [
    'an old kernel',
    withoutAddon('kernel-too-old', undefined, { kernel: '5.3.0' }),
    [
      ['operating system', /5\.4/],
      ['addon', /line above/],
    ],
  ],
  [
    'another runtime',
    withoutAddon('runtime-unsupported', 'this OpenSSL lacks SSL_new'),
    [
      ['runtime', /Node\.js/],
      ['addon', /line above/],
    ],
  ],
  ['no addon', withoutAddon('addon-unavailable', 'No build\nLooked in: x'), [['addon', /npm run build:native/]]],
  ['no addons', withoutAddon('addons-disabled', 'Cannot load'), [['addon', /without --no-addons$/]]],
  [
    'an addon that may not be read',
    { ...withoutAddon('addon-unavailable', 'Access'), confinement: { ...healthy.confinement, permissionModel: true } },
    [['addon', /"--allow-fs-read=\*"/]],
  ],
  [
    'no addons, by the permission model',
    { ...withoutAddon('addons-disabled'), confinement: { ...healthy.confinement, permissionModel: true } },
    [['addon', /^node --(experimental-)?permission --allow-addons .*"--allow-fs-read=\*" .* doctor$/]],
  ],
  [
    'no addon and no module',
    { ...withoutAddon('addon-unavailable'), kernelModule: { ...healthy.kernelModule, state: 'not-loaded' } },
    [
      ['addon', /build:native/],
      ['tls module', /^sudo modprobe tls && /],
    ],
  ],
  ['module not loaded', withoutKernelTls('ENOENT', 'not-loaded'), [['tls module', /^sudo modprobe tls && echo tls/]]],
  [
    'module not loaded, and never will be',
    withoutKernelTls('ENOENT', 'not-loaded', {
      kernelModule: { state: 'not-loaded', mayAutoload: false, loadingDisabled: true },
    }),
    [['tls module', /modules-load\.d\/tls\.conf # and reboot$/]],
  ],
  ['a kernel that was built without it', withoutKernelTls('ENOENT', 'not-built'), [['tls module', /CONFIG_TLS/]]],
  ['no such module', withoutKernelTls('ENOENT', 'absent'), [['tls module', /linux-modules-extra.*CONFIG_TLS/]]],
  [
    'in a container',
    withoutKernelTls('ENOENT', 'out-of-sight', { confinement: inContainer }),
    [['tls module', /^sudo modprobe tls # on the host/]],
  ],
  [
    'no modules to be seen',
    withoutKernelTls('ENOENT', 'out-of-sight'),
    [['tls module', /^sudo modprobe tls # as root/]],
  ],
  ['module there, and refuses', withoutKernelTls('ENOPROTOOPT', 'loaded'), [['tls module', /dmesg/]]],
  [
    'a seccomp filter',
    withoutKernelTls('EPERM', 'loaded', { confinement: inContainer }),
    [['confinement', /^docker run --security-opt seccomp=/]],
  ],
  [
    'a filter of systemd',
    withoutKernelTls('EPERM', 'out-of-sight', { confinement: { ...inContainer, container: undefined } }),
    [['confinement', /^SystemCallFilter=/]],
  ],
  [
    'a filter that cannot be seen',
    withoutKernelTls('EPERM', 'out-of-sight', { confinement: { ...healthy.confinement, seccompFilter: undefined } }),
    [['confinement', /^SystemCallFilter=/]],
  ],
  ['refused, and not by a filter', withoutKernelTls('EPERM', 'loaded'), [['tls module', /dmesg/]]],
  [
    'loaded for root only',
    { ...healthy, kernelModule: { state: 'not-loaded', mayAutoload: true, loadingDisabled: false } },
    [['tls module', /modules-load\.d/]],
  ],
  ['FIPS', but({ reason: 'fips-mode', fips: true }), [['FIPS mode', /--force-fips/]]],
  [
    'ChaCha20-Poly1305 is missing',
    refusing('CHACHA20', 'EINVAL'),
    [
      ['TLSv1.2', /chacha20poly1305/],
      ['TLSv1.3', /chacha20poly1305/],
    ],
  ],
  [
    'AES-GCM is missing',
    refusing('AES', 'ENOENT'),
    [
      ['TLSv1.2', /modprobe gcm$/],
      ['TLSv1.3', /modprobe gcm$/],
    ],
  ],
  [
    'malformed variables',
    but({ environment: { disabled: false, malformed } }),
    [
      ['environment KTLS_PIPE_TLS', /^export KTLS_PIPE_TLS=0 # or 1, or unset it$/],
      ['environment KTLS_PIPE_THREADS', /^unset KTLS_PIPE_THREADS$/],
    ],
  ],
  [
    'the transfer is refused by the permission model',
    { ...healthy, transfer: { bytes: 1, intact: false, error: 'ERR_ACCESS_DENIED: Access to this API' } },
    [['loopback transfer', /--allow-fs-read/]],
  ],
  [
    'the transfer fails',
    { ...healthy, transfer: { bytes: 1, intact: false, error: 'ECONNRESET: read' } },
    [['loopback transfer', /NODE_DEBUG=ktls-pipe/]],
  ],
  [
    'the transfer brings something else',
    { ...healthy, transfer: { ...transfer, intact: false } },
    [['loopback transfer', /KTLS_PIPE_DISABLE=1/]],
  ],
  [
    'the transfer is not offloaded, though nothing is in the way',
    { ...healthy, transfer: inUserspace('session-not-tracked') },
    [['loopback transfer', /NODE_DEBUG=ktls-pipe/]],
  ],
  ['a server by the kernel', { ...healthy, served }, []],
  ['a server without TLS', { ...healthy, served: { ...served, encryption: 'none' } }, []],
  [
    'a server in userspace',
    { ...healthy, served: { ...served, encryption: 'userspace', newKernelSessions: 0 } },
    [['server https://localhost/', /^KTLS_PIPE_LOG=1 node --import/]],
  ],
  [
    'a small file, which is left to Node',
    { ...healthy, served: { ...served, bytes: 65_535, encryption: 'userspace', newKernelSessions: 0 } },
    [['server https://localhost/', /more than 65536 bytes/]],
  ],
  [
    'a server that answers with something else',
    { ...healthy, served: { ...served, status: 404, encryption: 'userspace', newKernelSessions: 0 } },
    [['server https://localhost/', /a URL that is answered with a file/]],
  ],
  [
    'a server that is not there',
    { ...healthy, served: { url: 'https://a.example/', encryption: 'unknown', because: 'connect ECONNREFUSED' } },
    [['server https://a.example/', /^start the server/]],
  ],
  [
    'a server of which nothing can be told',
    {
      ...healthy,
      served: { ...served, encryption: 'unknown', because: 'the server is not on this host' },
    },
    [['server https://localhost/', /^KTLS_PIPE_LOG=1 node --import/]],
  ],
]

const failuresOf = (findings: Finding[]) => findings.filter(({ ok }) => !ok)
const plain = (_color: string, text: string) => text

for (const [name, report, failing] of reports) {
  t.test(`${name}: what fails, each with one fix`, async (t) => {
    const findings = diagnose(report)
    const failures = failuresOf(findings)
    t.strictSame(
      failures.map(({ requirement }) => requirement),
      failing.map(([requirement]) => requirement),
    )
    for (const [index, [requirement, fix]] of failing.entries()) t.match(failures[index]?.fix, fix, requirement)
    for (const { requirement, ok, found, fix } of findings) {
      t.match(found, /^\S.*\S$/, `${requirement}: what was found, on one line`)
      if (ok) t.equal(fix, undefined, `${requirement} needs no fix`)
      else t.match(fix, /^\S.*\S$/, `${requirement} has one`)
    }
    t.equal(new Set(findings.map(({ requirement }) => requirement)).size, findings.length, 'nothing twice')
  })

  t.test(`${name}: as text`, async (t) => {
    const findings = diagnose(report)
    const { reason } = report.support
    const expected = [
      ...findings.flatMap(({ requirement, ok, found, fix }) => [
        `${ok ? 'ok  ' : 'FAIL'} ${requirement}: ${found}`,
        ...(ok ? [] : [`     fix: ${fix}`]),
      ]),
      reason === undefined
        ? 'Kernel TLS works: files are encrypted by the kernel.'
        : `Kernel TLS is not used (${reason}): ${explainFallback(reason)}. Node's ordinary path is used.`,
    ]
    t.strictSame(formatFindings(findings, report, plain).split('\n'), expected)
  })
}

t.test('in a terminal green is what is met, and red what is not', async (t) => {
  const report = but({ reason: 'fips-mode', fips: true })
  const text = formatFindings(diagnose(report), report, (color, text) => `<${color} ${text.trim()}>`)
  t.match(text, /^<green ok> addon: loaded$/m)
  t.match(text, /^<red FAIL> FIPS mode: on$/m)
})

t.test('what was found is what the report says', async (t) => {
  const found = (report: DoctorReport) =>
    new Map(diagnose(report).map(({ requirement, found }) => [requirement, found] as const))
  const well = found({ ...healthy, served })
  t.equal(well.get('operating system'), 'linux x64, kernel 6.12.9-amd64')
  t.equal(well.get('runtime'), 'Node v22.1.0, OpenSSL 3.0.15')
  t.equal(well.get('addon'), 'loaded')
  t.equal(well.get('tls module'), 'loaded')
  t.equal(well.get('TLSv1.3'), 'AES-128-GCM, AES-256-GCM, CHACHA20-POLY1305')
  t.equal(well.get('FIPS mode'), 'off')
  t.match(well.get('rekey'), /takes no new keys/)
  t.match(well.get('loopback transfer'), /^8 MiB by TLSv1\.3 .*encrypted by the kernel, SHA-256 equal$/)
  t.match(
    well.get('server https://localhost/'),
    /^status 200, 70000 bytes: encrypted by the kernel \(TlsTxSw grew by 1\)$/,
  )
  t.equal(well.has('confinement'), false, 'where there is none')
  t.equal(well.has('permission model'), false, 'where it is off')

  t.match(found(refusing('CHACHA20', 'EINVAL')).get('TLSv1.2'), /no CHACHA20-POLY1305 \(EINVAL\)$/)
  t.match(found(refusing('CHACHA20', 'EINVAL')).get('rekey'), /takes new keys/)
  t.equal(found(withoutKernelTls('ENOENT', 'not-loaded')).has('rekey'), false, 'never asked')
  t.match(found(withoutKernelTls('ENOENT', 'not-loaded')).get('tls module'), /only root/)
  t.match(found(withoutKernelTls('ENOPROTOOPT', 'loaded')).get('tls module'), /\(ENOPROTOOPT\)$/, 'each error once')
  t.equal(found(withoutAddon('addon-unavailable', 'why not\nand more')).get('addon'), 'why not')
  t.match(found(withoutAddon('runtime-unsupported', 'this OpenSSL lacks SSL_new')).get('runtime'), /lacks SSL_new/)
  t.match(
    found(withoutKernelTls('ENOENT', 'absent')).get('loopback transfer'),
    /by Node \(kernel-tls-unavailable\), SHA-256/,
  )
  t.match(found(but({ environment: { disabled: false, malformed } })).get('environment KTLS_PIPE_TLS'), /'off'.*0 or 1/)
  t.match(found({ ...healthy, confinement: inContainer }).get('confinement'), /docker.*with a seccomp filter/)
  const guarded = { ...inContainer, permissionModel: true }
  t.match(found({ ...healthy, confinement: guarded }).get('permission model'), /^on$/)
  const cards = (networkCards: NetworkCards) => found({ ...healthy, networkCards }).get('offload to a network card')
  t.equal(cards({ transmitOffload: { eth0: 'on' }, sessionsOnCard: 2 }), 'eth0 on; 2 sessions there now')
  t.equal(cards({ transmitOffload: {}, notAsked: 'ethtool is not installed' }), 'not asked: ethtool is not installed')
})
