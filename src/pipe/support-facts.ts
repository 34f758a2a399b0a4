import { loadBinding } from '../native/load.js'
import { currentSettings } from '../options.js'
import { sharedSlot } from '../shared-state.js'
import { isKernelTlsKnownUnavailable } from '../tls/hand-over.js'
import { maximumRangeBytes, type SupportFacts } from './transfer-plan.js'

// Tests lower it, to have many borders in small files.
const limits = sharedSlot('limits', () => ({ maximumRangeBytes }))

/** What this process and its kernel can do, as far as it is known. */
export function supportFacts(): SupportFacts {
  const loaded = loadBinding()
  return {
    unsupported: loaded.binding === undefined ? loaded.reason : undefined,
    kernelTlsUnavailable: isKernelTlsKnownUnavailable(),
    settings: currentSettings(),
    maximumRangeBytes: limits.maximumRangeBytes,
  }
}
