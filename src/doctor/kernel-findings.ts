import type { CipherSupport } from '../observe/support.js'
import type { Confinement } from './confinement.js'
import type { DoctorReport } from './doctor.js'
import { type Finding, fail, pass } from './finding.js'
import type { NetworkCards } from './network-cards.js'

const anotherKernel = 'boot a kernel that has CONFIG_TLS, such as that of Debian, Ubuntu or Fedora'
const keepLoaded = 'echo tls | sudo tee /etc/modules-load.d/tls.conf'

/** Whether this kernel has TLS, and what of it. */
export function kernelTls(report: DoctorReport): Finding[] {
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

/** Whether something keeps system calls of kernel TLS from this process. */
export function confinementOf(report: DoctorReport): Finding[] {
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

/** What network cards could do, of which the package makes no use. */
export function cards({ transmitOffload, notAsked, sessionsOnCard }: NetworkCards): Finding {
  const features = Object.entries(transmitOffload).map(([name, offload]) => `${name} ${offload}`)
  const found = features.length > 0 ? features.join(', ') : `not asked: ${notAsked ?? 'there is no card'}`
  const now = sessionsOnCard === undefined ? '' : `; ${sessionsOnCard} sessions there now`
  return pass('offload to a network card', `${found}${now}`)
}

function errorsOf(ciphers: readonly CipherSupport[]): string {
  return [...new Set(ciphers.map(({ error }) => error).filter((error) => error !== undefined))].join(', ')
}
