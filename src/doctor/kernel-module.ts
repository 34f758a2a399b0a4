import type { Reader } from './reader.js'

/**
 * Whether the kernel offers its `tls` upper layer protocol (ULP) just now, and if not, why.
 *
 * - `loaded`: it does; the module is loaded or built in
 * - `not-loaded`: the module lies on the disk
 * - `not-built`: this kernel's own configuration says that it has none
 * - `absent`: neither; this kernel was built or packaged without it
 * - `out-of-sight`: nothing is known of this kernel's modules here, as in a container
 */
export type ModuleState = 'loaded' | 'not-loaded' | 'not-built' | 'absent' | 'out-of-sight'

export interface KernelModule {
  state: ModuleState
  /** This process may have the kernel load it: CAP_NET_ADMIN, which the kernel asks for, in the initial user namespace. */
  mayAutoload: boolean
  /** No module can be loaded any more until the next boot (kernel.modules_disabled). */
  loadingDisabled: boolean
}

const capNetAdmin = 12n // linux/capability.h

export function inspectKernelModule(read: Reader, release: string): KernelModule {
  return {
    state: moduleState(read, release),
    mayAutoload: hasCapability(read('/proc/self/status'), capNetAdmin) && isInitialUserNamespace(read),
    loadingDisabled: read('/proc/sys/kernel/modules_disabled')?.trim() === '1',
  }
}

function moduleState(read: Reader, release: string): ModuleState {
  // The first one is in the initial network namespace only, the second one is there while the module is.
  const protocols = read('/proc/sys/net/ipv4/tcp_available_ulp')
  if (protocols?.split(/\s+/).includes('tls') || read('/proc/net/tls_stat') !== undefined) return 'loaded'
  const configuration = read('/proc/config.gz') ?? read(`/boot/config-${release}`)
  if (configuration?.includes('\n# CONFIG_TLS is not set\n')) return 'not-built'
  const dependencies = read(`/lib/modules/${release}/modules.dep`)
  if (dependencies === undefined) return 'out-of-sight'
  return /(^|\/)tls\.ko(\.\w+)?:/m.test(dependencies) ? 'not-loaded' : 'absent'
}

/** @param status /proc/self/status, proc_pid_status(5) */
function hasCapability(status: string | undefined, capability: bigint): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(status ?? '')?.[1]
  return effective !== undefined && ((BigInt(`0x${effective}`) >> capability) & 1n) === 1n
}

/** There all user identifiers stand for themselves (user_namespaces(7)). */
function isInitialUserNamespace(read: Reader): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(read('/proc/self/uid_map') ?? '')
}
