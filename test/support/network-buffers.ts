import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Test } from 'tap'

/** Sizes in bytes for sockets that are made from now on, and on accepted ones the listening socket's. */
export interface BufferSizes {
  receive: { smallest: number; usual: number; largest: number }
  send: { smallest: number; usual: number; largest: number }
}

// tcp(7). On a machine that others use too these are not for a test to change.
const settings = { receive: '/proc/sys/net/ipv4/tcp_rmem', send: '/proc/sys/net/ipv4/tcp_wmem' }

/** Whether this is a virtual machine that ends with its command. */
export const ownKernel = existsSync('/run/ktls-pipe')

/** Lowers the buffers of all TCP sockets until the test ends, where the kernel is the tests' own. */
export function limitNetworkBuffers(t: Test, sizes: BufferSizes): void {
  if (!ownKernel || process.getuid?.() !== 0) {
    t.comment('the buffers of the network stay as they are: this kernel is not for tests alone')
    return
  }
  for (const direction of ['receive', 'send'] as const) {
    const path = settings[direction]
    const before = readFileSync(path, 'utf8')
    const { smallest, usual, largest } = sizes[direction]
    writeFileSync(path, `${smallest} ${usual} ${largest}`)
    t.teardown(() => writeFileSync(path, before))
  }
}
