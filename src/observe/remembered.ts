import { createAttachment } from '../attachment.js'
import type { FallbackReason } from '../fallback-reason.js'
import { sharedSlot } from '../shared-state.js'

export interface OffloadState {
  /** Who encrypts: the kernel, Node's OpenSSL, or nobody (no TLS). */
  encryption: 'kernel' | 'userspace' | 'none'
  /** Bytes of files that were carried by sendfile, through kernel TLS or plain TCP. */
  bytesOffloaded: number
  /** Why the last transfer, or a part of it, took the ordinary path. */
  fallbackReason?: FallbackReason
}

interface Remembered {
  bytesOffloaded: number
  encryption: OffloadState['encryption'] | undefined
  fallbackReason: FallbackReason | undefined
}

const states = sharedSlot('offload states', () => createAttachment<Remembered>())

/** What is remembered of a socket, response, request or zero-copy pipe. */
export function rememberedState(of: object): Remembered | undefined {
  return states.get(of)
}

export function remember(of: object): Remembered {
  return states.get(of) ?? states.add(of, { bytesOffloaded: 0, encryption: undefined, fallbackReason: undefined })
}
