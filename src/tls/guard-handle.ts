import { loadBinding } from '../native/load.js'
import type { StreamHandle } from '../node-internals.js'

/** What a TLS handle must not do itself any more once the kernel writes its session's records. */
const guards = {
  // Node's own would take the callback that tells of alerts.
  enableTrace(this: StreamHandle): void {
    loadBinding().binding?.traceSession(this)
  },
  // Not done: the kernel's records are full.
  setMaxSendFragment: () => 0,
}

export function guardHandle(handle: StreamHandle): void {
  Object.assign(handle, guards)
}
