import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'

/** Undefined where they may not be listed, which takes a netlink socket. */
export function listInterfaces(): Record<string, NetworkInterfaceInfo[]> | undefined {
  try {
    return networkInterfaces() as Record<string, NetworkInterfaceInfo[]>
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SYSTEM_ERROR') return undefined
    throw error
  }
}

/** Whether an address is one of this network namespace's own. */
export function isOwnAddress(address: string | undefined): boolean {
  const plain = address?.replace(/^::ffff:/, '') ?? ''
  if (plain === '::1' || plain.startsWith('127.')) return true
  return Object.values(listInterfaces() ?? {}).some((addresses) => addresses.some((own) => own.address === plain))
}
