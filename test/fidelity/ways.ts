import type { Scheme } from '../support/http-client.js'
import { kernelTls } from '../support/kernel.js'
import { ownKernel } from '../support/network-buffers.js'

/** In which way a file goes when the package is there. */
export interface Way {
  name: string
  scheme: Scheme
  mode: Mode
}

/** Falling back, the package is told to leave everything; refused, it tries every session, and the kernel has no TLS. */
export type Mode = 'offloading' | 'falling back' | 'refused'

function way(scheme: Scheme, mode: Mode): Way {
  return { name: `${scheme}, ${mode}`, scheme, mode }
}

/** In a virtual machine it is kernel TLS that is looked at: what does without it is the same here, and faster. */
export const ways: readonly Way[] = [
  ...(ownKernel ? [] : [way('http', 'offloading'), way('http', 'falling back')]),
  ...(kernelTls ? [way('https', 'offloading')] : [way('https', 'falling back'), way('https', 'refused')]),
]
