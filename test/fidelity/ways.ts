import type { Scheme } from '../support/http-client.js'
import { kernelTls } from '../support/kernel.js'
import { ownKernel } from '../support/network-buffers.js'

/** In which way a file goes when the package is there. */
export interface Way {
  name: string
  scheme: Scheme
  /** Nothing can be offloaded, or the package is told to leave it. */
  fallsBack: boolean
}

function way(scheme: Scheme, fallsBack: boolean): Way {
  return { name: `${scheme}, ${fallsBack ? 'falling back' : 'offloading'}`, scheme, fallsBack }
}

/** In a virtual machine it is kernel TLS that is looked at: what does without it is the same here, and faster. */
export const ways: readonly Way[] = [
  ...(ownKernel ? [] : [way('http', false), way('http', true)]),
  way('https', !kernelTls),
]
