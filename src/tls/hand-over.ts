import type { TLSSocket } from 'node:tls'
import type { FallbackReason } from '../fallback-reason.js'
import { HandOverStatus, type NativeBinding, type NativeQueue } from '../native/binding.js'
import type { InternalTlsSocket } from '../node-internals.js'
import { sharedSlot } from '../shared-state.js'

/** What an attempt came to. Unless it is 'done', nothing has changed and OpenSSL goes on writing. */
export type HandOverAttempt =
  | { outcome: 'done'; queue: NativeQueue }
  /** Write something short through OpenSSL, then try again. */
  | { outcome: 'proof-needed' }
  /** Wait until what was written has left, then try again. */
  | { outcome: 'busy' }
  | { outcome: 'refused'; reason: FallbackReason; errno: number; lasting: boolean }

const reasons: Record<number, FallbackReason> = {
  [HandOverStatus.SessionNotTracked]: 'session-not-tracked',
  [HandOverStatus.SessionInconsistent]: 'session-inconsistent',
  [HandOverStatus.SessionNotReady]: 'session-not-ready',
  [HandOverStatus.SessionEnding]: 'session-ending',
  [HandOverStatus.ProtocolUnsupported]: 'protocol-unsupported',
  [HandOverStatus.CipherUnsupported]: 'cipher-unsupported',
  [HandOverStatus.RecordSizeLimited]: 'record-size-limited',
  [HandOverStatus.UlpRefused]: 'kernel-tls-unavailable',
  [HandOverStatus.KeysRefused]: 'kernel-refused',
  [HandOverStatus.DescriptorLimit]: 'descriptor-limit',
}

const passing = new Set([HandOverStatus.SessionNotReady, HandOverStatus.DescriptorLimit])

// A kernel without TLS is not asked again for a while, so that every file does not pay for the question; a module that
// is loaded later is noticed without a restart.
const askKernelAgainAfterMs = 10_000
const kernel = sharedSlot('kernel tls', () => ({ hasTls: false, askAgainAtMs: Number.NEGATIVE_INFINITY }))

/** The kernel has TLS to offer, as far as can be told without a connection. */
export function kernelHasTls(binding: NativeBinding): boolean {
  if (performance.now() >= kernel.askAgainAtMs) rememberOfKernel(binding.kernelOffersTls())
  return kernel.hasTls
}

function rememberOfKernel(hasTls: boolean): void {
  kernel.hasTls = hasTls
  kernel.askAgainAtMs = hasTls ? Number.POSITIVE_INFINITY : performance.now() + askKernelAgainAfterMs
}

/** Tries to move the write direction of a session into the kernel. Synchronous, from the checks to the switch. */
export function attemptHandOver(binding: NativeBinding, tlsSocket: TLSSocket): HandOverAttempt {
  const socket = tlsSocket as unknown as InternalTlsSocket
  const handle = socket._handle
  // Loaded with node:tls; importing it here would load it into programs without TLS.
  if (process.getBuiltinModule('crypto').getFips() === 1) {
    if (handle) binding.giveSessionUp(handle)
    return refused('fips-mode', 0, true)
  }
  if (!kernelHasTls(binding)) return refused('kernel-tls-unavailable', 0, false)
  const finished = handle ? tlsSocket.getFinished() : undefined
  if (!handle || finished === undefined) return refused('session-not-ready', 0, false)
  if (handle.writeQueueSize !== 0 || handle._parent?.writeQueueSize !== 0) return { outcome: 'busy' }

  const { status, errno, queue } = binding.handOver(handle, handle.fd ?? -1, finished)
  if (status === HandOverStatus.Done && queue !== undefined) return { outcome: 'done', queue }
  if (status === HandOverStatus.ProofNeeded) return { outcome: 'proof-needed' }
  if (status === HandOverStatus.Busy) return { outcome: 'busy' }
  if (status === HandOverStatus.UlpRefused) rememberOfKernel(false)
  return refused(reasons[status] ?? 'session-inconsistent', errno, !passing.has(status))
}

function refused(reason: FallbackReason, errno: number, lasting: boolean): HandOverAttempt {
  return { outcome: 'refused', reason, errno, lasting }
}
