import { isMainThread } from 'node:worker_threads'
import { loadBinding } from './native/load.js'
import { mailboxOf } from './native/mailbox.js'
import { subscribeDebugLog } from './observe/diagnostics.js'
import { logInstalled, subscribeFileLog } from './observe/file-log.js'
import { applyOptions, checkInstallOptions, currentSettings, type InstallOptions } from './options.js'
import { interceptPipe, restorePipe } from './pipe/pipe-interceptor.js'
import { adoptOlderContexts, leaveOlderContexts, startTracking, stopTracking } from './tls/session-tracker.js'

/** What the import does: sessions are counted from now on, so that any of them can be handed over later. */
export function prepare(): void {
  subscribeDebugLog()
  subscribeFileLog()
  startTracking()
  const { binding } = loadBinding()
  // Now, so that it is not for ever in the context of the first who sends a file.
  if (binding !== undefined) mailboxOf(binding)
  // They are the process's: a Worker that asks for none in particular leaves them as they are.
  const { threads } = currentSettings()
  if (isMainThread || threads !== 0) binding?.setSenderThreads(threads)
}

/**
 * Files that are piped into sockets and responses of this thread are offloaded from now on. Idempotent; a later call
 * replaces the options.
 *
 * @throws TypeError ERR_KTLS_INVALID_ARGUMENT
 */
export function install(options?: InstallOptions): void {
  checkInstallOptions(options)
  applyOptions(options ?? {})
  prepare()
  logInstalled()
  if (currentSettings().disabled) return
  adoptOlderContexts()
  interceptPipe()
}

/**
 * Takes the interception away and forgets what is known of sessions that were not handed over, secrets included.
 * Sessions that were handed over keep working. install() begins anew.
 */
export function uninstall(): void {
  restorePipe()
  leaveOlderContexts()
  stopTracking()
}
