import type { Reader } from './reader.js'

/** What stands between this process and the kernel. */
export interface Confinement {
  /** A filter may refuse system calls (seccomp(2)); undefined where that cannot be read. */
  seccompFilter: boolean | undefined
  container: 'docker' | 'podman' | 'kubernetes' | 'lxc' | 'systemd-nspawn' | 'other' | undefined
  /** Node's permission model is on (`--permission`). */
  permissionModel: boolean
}

export function inspectConfinement(read: Reader, environment: NodeJS.ProcessEnv): Confinement {
  const mode = /^Seccomp:\s*(\d)/m.exec(read('/proc/self/status') ?? '')?.[1]
  return {
    seccompFilter: mode === undefined ? undefined : mode !== '0',
    container: containerKind(read, environment),
    permissionModel: 'permission' in process,
  }
}

function containerKind(read: Reader, environment: NodeJS.ProcessEnv): Confinement['container'] {
  if (environment.KUBERNETES_SERVICE_HOST) return 'kubernetes'
  if (read('/.dockerenv') !== undefined) return 'docker'
  if (read('/run/.containerenv') !== undefined) return 'podman'
  // systemd's own question (systemd.io/CONTAINER_INTERFACE): managers say there what they are.
  const manager = read('/run/systemd/container')?.trim()
  if (manager === 'docker' || manager === 'podman' || manager === 'lxc' || manager === 'systemd-nspawn') return manager
  return manager ? 'other' : undefined
}
