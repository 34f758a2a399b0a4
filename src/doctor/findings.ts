import type { CipherSupport, SupportReport } from '../observe/support.js'
import { defaultMinimumBytes } from '../options.js'
import type { Confinement } from './confinement.js'
import type { DoctorReport } from './doctor.js'
import type { LoopbackTransfer } from './loopback-transfer.js'
import type { NetworkCards } from './network-cards.js'
import type { ServedUrl } from './served-url.js'

/** One requirement: whether it is met, what was found, and if it is not, one thing to do. */
export interface Finding {
  requirement: string
  ok: boolean
  found: string
  fix?: string
}

const anotherKernel = 'boot a kernel that has CONFIG_TLS, such as that of Debian, Ubuntu or Fedora'
const keepLoaded = 'echo tls | sudo tee /etc/modules-load.d/tls.conf'
const mebibyte = 2 ** 20

/** Turns what was found out into one finding a requirement, in the order in which they depend on each other. */
export function diagnose(report: DoctorReport): Finding[] {
  const { support, confinement, networkCards, transfer, served } = report
  return [
    operatingSystem(support),
    runtime(support),
    ...(confinement.permissionModel ? [permissionModel(support)] : []),
    addon(support, confinement.permissionModel),
    ...kernelTls(report),
    ...confinementOf(report),
    fips(support),
    ...(networkCards === undefined ? [] : [cards(networkCards)]),
    ...environment(support),
    ...(transfer === undefined ? [] : [loopback(transfer, support)]),
    ...(served === undefined ? [] : [url(served, support)]),
  ]
}

function operatingSystem({ platform, architecture, kernel, reason }: SupportReport): Finding {
  const found = `${platform} ${architecture}, kernel ${kernel}`
  if (platform !== 'linux') return fail('operating system', found, 'run it on Linux: kernel TLS exists nowhere else')
  if (reason === 'kernel-too-old') return fail('operating system', found, 'use Linux 5.4 or newer')
  return pass('operating system', found)
}

function runtime({ node, openssl, reason, addon }: SupportReport): Finding {
  const found = `Node ${node}, OpenSSL ${openssl}`
  if (reason !== 'runtime-unsupported') return pass('runtime', found)
  return fail('runtime', `${found} ${addon.error ?? ''}`.trim(), 'run it with Node.js 20.19 or newer and OpenSSL 3')
}

function permissionModel({ reason }: SupportReport): Finding {
  return pass('permission model', reason === 'addons-disabled' ? 'on, and keeps addons out' : 'on')
}

function addon({ addon, reason }: SupportReport, permissionModel: boolean): Finding {
  if (addon.loaded) return pass('addon', 'loaded')
  const found = firstLine(addon.error) ?? `not loaded (${reason})`
  switch (reason) {
    case 'disabled':
      return fail('addon', found, 'unset KTLS_PIPE_DISABLE')
    case 'addons-disabled':
      return fail('addon', found, permissionModel ? withPermissions : 'start node without --no-addons')
    case 'addon-unavailable':
      // Where files may not be read the addon is not found, either.
      return fail('addon', found, permissionModel ? withPermissions : 'npm explore ktls-pipe -- npm run build:native')
    default:
      return fail('addon', found, 'see the line above')
  }
}

const flags = process.allowedNodeEnvironmentFlags
const withPermissions = [
  'node',
  flags.has('--permission') ? '--permission' : '--experimental-permission',
  ...['--allow-addons', '--allow-net'].filter((flag) => flags.has(flag)),
  '"--allow-fs-read=*" node_modules/.bin/ktls-pipe doctor',
].join(' ')

function kernelTls(report: DoctorReport): Finding[] {
  const { support, kernelModule } = report
  const { addon, kernelTls } = support
  if (support.platform !== 'linux' || blockedCall(report) !== undefined) return []
  if (!addon.loaded) return kernelModule.state === 'loaded' ? [pass('tls module', 'loaded')] : [noModule(report)]
  if (!kernelTls.available) return [noModule(report)]
  const { state } = kernelModule
  const found = state === 'loaded' ? 'loaded' : 'was not loaded; the kernel has loaded it for this test'
  return [
    state === 'loaded' || state === 'out-of-sight'
      ? pass('tls module', 'loaded')
      : fail('tls module', `${found}, which it does for root only`, `${keepLoaded} && sudo modprobe tls`),
    ...ciphersByVersion(kernelTls.ciphers),
    pass('rekey', kernelTls.rekey ? 'this kernel takes new keys' : 'this kernel takes no new keys (Linux 6.14 does)'),
  ]
}

/** Why the kernel has no TLS, and what brings it. */
function noModule({ kernelModule, confinement, support }: DoctorReport): Finding {
  const { state, loadingDisabled, mayAutoload } = kernelModule
  const error = errorsOf(support.kernelTls.ciphers)
  const refused = error === '' || error === 'ENOENT' ? '' : ` (${error})`
  if (state === 'loaded') {
    return fail(
      'tls module',
      `loaded, but the kernel refuses to use it${refused}`,
      'grep -w tls /proc/modules; dmesg | tail',
    )
  }
  if (state === 'not-loaded' && loadingDisabled) {
    const fix = `${keepLoaded} # and reboot`
    return fail('tls module', `not loaded, and kernel.modules_disabled forbids it until the next boot${refused}`, fix)
  }
  if (state === 'not-loaded') {
    const why = mayAutoload ? 'the kernel could not load it by itself' : 'only root can load it'
    return fail('tls module', `not loaded, and ${why}${refused}`, `sudo modprobe tls && ${keepLoaded}`)
  }
  if (state === 'not-built') {
    return fail('tls module', `this kernel was built without it (CONFIG_TLS is not set)${refused}`, anotherKernel)
  }
  if (state === 'absent') {
    const fix =
      'sudo apt install linux-modules-extra-$(uname -r) && sudo modprobe tls # Ubuntu; else a kernel with CONFIG_TLS'
    return fail('tls module', `this kernel came without it${refused}`, fix)
  }
  const where = confinement.container === undefined ? '' : ' on the host, not in this container'
  return fail(
    'tls module',
    `not loaded, and no module is to be seen here${refused}`,
    `sudo modprobe tls #${where || ' as root'}`,
  )
}

function ciphersByVersion(ciphers: readonly CipherSupport[]): Finding[] {
  return [...new Set(ciphers.map(({ version }) => version))].map((version) => {
    const own = ciphers.filter((cipher) => cipher.version === version)
    const names = own.map(({ cipher, available, error }) => (available ? cipher : `no ${cipher} (${error})`)).join(', ')
    const refused = own.find(({ available }) => !available)
    if (refused === undefined) return pass(version, names)
    const chaCha = refused.cipher.startsWith('CHACHA20')
    return fail(version, names, `sudo modprobe ${chaCha ? 'chacha20poly1305 # since Linux 5.11' : 'gcm'}`)
  })
}

const blockedBy = new Set(['EPERM', 'EACCES', 'ENOSYS'])

/** The errno of a system call that a filter refuses. */
function blockedCall({ confinement, support }: DoctorReport): string | undefined {
  if (confinement.seccompFilter === false) return undefined
  return support.kernelTls.ciphers.find(({ error }) => blockedBy.has(error ?? ''))?.error
}

function confinementOf(report: DoctorReport): Finding[] {
  const { container, seccompFilter } = report.confinement
  const error = blockedCall(report)
  if (container === undefined && !seccompFilter && error === undefined) return []
  const place = container === undefined ? 'no container' : `in a container (${container})`
  const filter =
    seccompFilter === undefined
      ? 'a seccomp filter is not known of'
      : `${seccompFilter ? 'with' : 'without'} a seccomp filter`
  const found = `${place}, ${filter}`
  if (error === undefined) return [pass('confinement', found)]
  return [
    fail(
      'confinement',
      `${found}, and system calls of kernel TLS fail with ${error}`,
      filterFixes[container ?? 'other'],
    ),
  ]
}

const filterFixes: Record<NonNullable<Confinement['container']>, string> = {
  docker: 'docker run --security-opt seccomp=unconfined IMAGE # tells whether it is the filter; then narrow it',
  podman: 'podman run --security-opt seccomp=unconfined IMAGE # tells whether it is the filter; then narrow it',
  kubernetes: 'securityContext: { seccompProfile: { type: RuntimeDefault } } # of the pod',
  lxc: 'lxc config unset CONTAINER raw.seccomp',
  'systemd-nspawn': 'systemd-nspawn --system-call-filter=@system-service',
  other: 'SystemCallFilter=@system-service # in the unit, if it is one of systemd',
}

function fips({ fips }: SupportReport): Finding {
  if (!fips) return pass('FIPS mode', 'off')
  return fail('FIPS mode', 'on', 'start node without --enable-fips and --force-fips, and without FIPS in openssl.cnf')
}

function cards({ transmitOffload, notAsked, sessionsOnCard }: NetworkCards): Finding {
  const features = Object.entries(transmitOffload).map(([name, offload]) => `${name} ${offload}`)
  const found = features.length > 0 ? features.join(', ') : `not asked: ${notAsked ?? 'there is no card'}`
  const now = sessionsOnCard === undefined ? '' : `; ${sessionsOnCard} sessions there now`
  return pass('offload to a network card', `${found}${now}`)
}

function environment({ addon, environment, reason }: SupportReport): Finding[] {
  const tlsIsOff = reason === 'disabled' && addon.loaded // with KTLS_PIPE_DISABLE it is not even loaded
  return [
    ...(tlsIsOff ? [fail('environment KTLS_PIPE_TLS', 'files over TLS are not offloaded', 'unset KTLS_PIPE_TLS')] : []),
    ...environment.malformed.map(({ name, value, expected }) =>
      fail(`environment ${name}`, `'${value}' is ignored, it must be ${expected}`, instead(name, expected)),
    ),
  ]
}

function instead(name: string, expected: string): string {
  return expected === '0 or 1' ? `export ${name}=0 # or 1, or unset it` : `unset ${name}`
}

function loopback(
  { bytes, intact, session, encryption, error, fallbackReason }: LoopbackTransfer,
  support: SupportReport,
): Finding {
  const requirement = 'loopback transfer'
  if (error?.startsWith('ERR_ACCESS_DENIED')) {
    return fail(requirement, 'the permission model does not let it be tried', withPermissions)
  }
  if (error !== undefined) return fail(requirement, error, 'NODE_DEBUG=ktls-pipe npx ktls-pipe doctor')
  const found = `${bytes / mebibyte} MiB by ${session}`
  if (!intact)
    return fail(
      requirement,
      `${found}: what came is not what was sent`,
      'export KTLS_PIPE_DISABLE=1 # and report it, please',
    )
  if (encryption === 'kernel') return pass(requirement, `${found}, encrypted by the kernel, SHA-256 equal`)
  const byNode = `${found}, encrypted by Node (${fallbackReason}), SHA-256 equal`
  // What is in the way has a line of its own.
  return support.reason !== undefined
    ? pass(requirement, byNode)
    : fail(requirement, byNode, 'NODE_DEBUG=ktls-pipe npx ktls-pipe doctor')
}

function url(served: ServedUrl, support: SupportReport): Finding {
  const { url, encryption, because, status, bytes, session, newKernelSessions } = served
  const requirement = `server ${url}`
  const seen =
    status === undefined ? '' : `status ${status}, ${bytes} bytes${session === undefined ? '' : ` by ${session}`}: `
  switch (encryption) {
    case 'kernel':
      return pass(requirement, `${seen}encrypted by the kernel (TlsTxSw grew by ${newKernelSessions})`)
    case 'none':
      return pass(requirement, `${seen}not encrypted, it is plain http`)
    case 'userspace':
      return fail(
        requirement,
        `${seen}no session was handed to the kernel of this network namespace`,
        whatToAsk(served, support),
      )
    case 'unknown':
      return fail(requirement, `${seen}cannot tell: ${because}`, whatToAsk(served, support))
  }
}

function whatToAsk({ status, bytes = 0 }: ServedUrl, support: SupportReport): string {
  if (status === undefined) return 'start the server, or ask for its address'
  if (support.reason !== undefined) return 'see the lines above'
  if (status >= 300) return 'ask for a URL that is answered with a file'
  const { tls: least } = defaultMinimumBytes
  if (bytes < least) return `ask for a file of more than ${least} bytes: smaller ones are left to Node`
  return askTheServer
}

const askTheServer =
  'KTLS_PIPE_LOG=1 node --import ktls-pipe/register server.mjs # then ask again: it tells how each file is sent'

function errorsOf(ciphers: readonly CipherSupport[]): string {
  return [...new Set(ciphers.map(({ error }) => error).filter((error) => error !== undefined))].join(', ')
}

function firstLine(text: string | undefined): string | undefined {
  return text?.split('\n', 1)[0]
}

function pass(requirement: string, found: string): Finding {
  return { requirement, ok: true, found }
}

function fail(requirement: string, found: string, fix: string): Finding {
  return { requirement, ok: false, found, fix }
}
