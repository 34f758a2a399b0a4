import { prepare } from './install.js'

export { KtlsError, type KtlsErrorCode } from './errors.js'
export { FALLBACK_REASONS, type FallbackReason } from './fallback-reason.js'
export { install, uninstall } from './install.js'
export type { FallbackEvent, SessionEvent, TransferEvent } from './observe/diagnostics.js'
export type { OffloadState } from './observe/remembered.js'
export { getStats, type Stats } from './observe/stats.js'
export { type CipherSupport, inspectSupport, type SupportReport } from './observe/support.js'
export { getOffloadState, setOffload } from './offload-state.js'
export type { Engine, EngineOptions, InstallOptions, MalformedVariable } from './options.js'
export { createZeroCopyPipe, type ZeroCopyPipe, type ZeroCopyPipeOptions } from './pipe/zero-copy-pipe.js'

// Sessions must be counted from their first byte, so counting begins with the import.
prepare()
