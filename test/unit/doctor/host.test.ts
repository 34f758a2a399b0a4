import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
// What the doctor reads of the machine, from files as other machines have them.

import t from 'tap'
import { inspectConfinement } from '../../../src/doctor/confinement.js'
import { inspectKernelModule } from '../../../src/doctor/kernel-module.js'
import { inspectNetworkCards, tlsCounter } from '../../../src/doctor/network-cards.js'
import { type Reader, readText } from '../../../src/doctor/reader.js'

const release = '6.12.9-amd64'
const files =
  (texts: Record<string, string>): Reader =>
  (path) =>
    texts[path]

const ulp = '/proc/sys/net/ipv4/tcp_available_ulp'
const dependencies = `/lib/modules/${release}/modules.dep`
const root = {
  '/proc/self/status': 'Name:\tnode\nCapEff:\t000001ffffffffff\n',
  '/proc/self/uid_map': '0 0 4294967295\n',
}

t.test('the tls module', async (t) => {
  const state = (texts: Record<string, string>) => inspectKernelModule(files(texts), release).state
  t.equal(state({ [ulp]: 'espintcp mptcp tls\n' }), 'loaded')
  t.equal(state({ '/proc/net/tls_stat': 'TlsTxSw 0\n' }), 'loaded', 'in a network namespace of its own')
  t.equal(state({ [ulp]: 'mptcp\n', [dependencies]: 'kernel/net/tls/tls.ko: kernel/x.ko\n' }), 'not-loaded')
  t.equal(state({ [ulp]: 'mptcp\n', [dependencies]: 'kernel/net/tls/tls.ko.xz:\n' }), 'not-loaded', 'compressed')
  t.equal(state({ [ulp]: '\n', [dependencies]: 'kernel/net/mytls.ko:\nkernel/tlsx/a.ko:\n' }), 'absent')
  t.equal(state({ [ulp]: 'tlsx\n' }), 'out-of-sight')
  for (const path of ['/proc/config.gz', `/boot/config-${release}`]) {
    t.equal(state({ [path]: 'CONFIG_NET=y\n# CONFIG_TLS is not set\nCONFIG_X=y\n' }), 'not-built', path)
    t.equal(state({ [path]: 'CONFIG_NET=y\nCONFIG_TLS=m\n# CONFIG_TLS_DEVICE is not set\n' }), 'out-of-sight', path)
  }
  t.equal(state({}), 'out-of-sight')
})

t.test('who may have it loaded', async (t) => {
  const inspect = (texts: Record<string, string>) => inspectKernelModule(files(texts), release)
  t.equal(inspect(root).mayAutoload, true)
  t.equal(inspect({ ...root, '/proc/self/uid_map': '0 1000 1\n' }).mayAutoload, false, 'root of a user namespace')
  t.equal(inspect({ ...root, '/proc/self/status': 'CapEff:\t0000000000000000\n' }).mayAutoload, false)
  t.equal(inspect({ ...root, '/proc/self/status': 'CapEff:\t0000000000001000\n' }).mayAutoload, true, 'CAP_NET_ADMIN')
  t.equal(inspect({}).mayAutoload, false)
  t.equal(inspect({ '/proc/sys/kernel/modules_disabled': '1\n' }).loadingDisabled, true)
  t.equal(inspect({ '/proc/sys/kernel/modules_disabled': '0\n' }).loadingDisabled, false)
})

t.test('containers and filters', async (t) => {
  const inspect = (texts: Record<string, string>, environment: NodeJS.ProcessEnv = {}) =>
    inspectConfinement(files(texts), environment)
  t.match(inspect({}), { seccompFilter: undefined, container: undefined, permissionModel: false })
  t.equal(inspect({ '/proc/self/status': 'Seccomp:\t0\n' }).seccompFilter, false)
  t.equal(inspect({ '/proc/self/status': 'Seccomp:\t2\nSeccomp_filters:\t1\n' }).seccompFilter, true)
  t.equal(inspect({ '/.dockerenv': '' }).container, 'docker')
  t.equal(inspect({ '/run/.containerenv': '' }).container, 'podman')
  t.equal(inspect({ '/.dockerenv': '' }, { KUBERNETES_SERVICE_HOST: '10.0.0.1' }).container, 'kubernetes')
  t.equal(inspect({ '/run/systemd/container': 'lxc\n' }).container, 'lxc')
  t.equal(inspect({ '/run/systemd/container': 'rkt\n' }).container, 'other')
})

t.test('counters of the kernel', async (t) => {
  const read = files({ '/proc/net/tls_stat': 'TlsCurrTxSw      \t1\nTlsTxSw          \t23\nTlsTxDevice      \t0\n' })
  t.equal(tlsCounter(read, 'TlsTxSw'), 23)
  t.equal(tlsCounter(read, 'TlsTxDevice'), 0)
  t.equal(tlsCounter(read, 'TlsTx'), undefined)
  t.equal(tlsCounter(files({}), 'TlsTxSw'), undefined)
})

t.test('network cards: what ethtool says, or that it could not be asked', async (t) => {
  const { transmitOffload, notAsked, sessionsOnCard } = await inspectNetworkCards(
    files({ '/proc/net/tls_stat': 'TlsCurrTxDevice \t3\n' }),
  )
  t.equal(sessionsOnCard, 3)
  for (const offload of Object.values(transmitOffload)) t.match(offload, /^(on|off|unsupported)$/)
  if (notAsked !== undefined) t.match(notAsked, /ethtool|interfaces/)
})

t.test('a file that is not there, or may not be read, has no text; another error is not hidden', async (t) => {
  t.equal(readText('/nowhere/at/all'), undefined)
  t.equal(readText('/proc/self/status/below'), undefined)
  t.match(readText('/proc/self/status'), /^Name:/)
  t.throws(() => readText('/'), { code: 'EISDIR' })
  const packed = join(t.testdir({ 'config.gz': gzipSync('CONFIG_TLS=m\n') }), 'config.gz')
  t.equal(readText(packed), 'CONFIG_TLS=m\n')
})
