import { loadBinding } from '../native/load.js'
import { currentSettings } from '../options.js'
import { isKernelTlsKnownUnavailable } from '../tls/hand-over.js'
import type { SupportFacts } from './transfer-plan.js'

/** What this process and its kernel can do, as far as it is known. */
export function supportFacts(): SupportFacts {
  const loaded = loadBinding()
  return {
    unsupported: loaded.binding === undefined ? loaded.reason : undefined,
    kernelTlsUnavailable: isKernelTlsKnownUnavailable(),
    settings: currentSettings(),
  }
}
