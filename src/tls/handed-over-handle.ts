import type { NativeBinding } from '../native/binding.js'
import type { StreamHandle } from '../node-internals.js'

/** What a TLS handle must not do itself any more once the kernel writes its session's records. */
export function guardHandle(handle: StreamHandle, binding: NativeBinding): void {
  // Node's own would take the callback that tells of alerts.
  handle.enableTrace = () => binding.traceSession(handle)
  // Not done: the kernel's records are full.
  handle.setMaxSendFragment = () => 0
}
