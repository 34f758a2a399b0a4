import { loadBinding } from '../native/load.js'
import { currentSettings } from '../options.js'
import { kernelHasTls } from '../tls/hand-over.js'
import type { SupportFacts } from './transfer-plan.js'

/** What this process and its kernel can do, as far as it is known. */
export function supportFacts(): SupportFacts {
  const loaded = loadBinding()
  return {
    unsupported: loaded.binding === undefined ? loaded.reason : undefined,
    // Asked for TLS only.
    get kernelTlsUnavailable() {
      return loaded.binding !== undefined && !kernelHasTls(loaded.binding)
    },
    settings: currentSettings(),
  }
}
