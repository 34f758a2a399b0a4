import { loadBinding } from '../native/load.js'
import { loadedModule } from '../node-internals.js'
import { sharedSlot } from '../shared-state.js'

interface Initializable {
  _init?: (...parameters: unknown[]) => unknown
}

const state = sharedSlot('session tracker', () => ({
  tracking: false,
  undo: undefined as (() => void) | undefined,
}))

/** From now on the sessions of new TLS contexts are counted. Loads no module and touches no prototype. */
export function startTracking(): void {
  if (state.tracking) return
  const { binding } = loadBinding()
  state.tracking = binding?.startTracking() ?? false
}

/** Forgets all sessions that were not handed over, with their secrets; new ones are not counted. */
export function stopTracking(): void {
  if (!state.tracking) return
  loadBinding().binding?.stopTracking()
  state.tracking = false
}

/**
 * Sessions of contexts that are older than the addon can be counted too, if they are met before their first byte: in
 * TLSSocket's _init, when OpenSSL's object was made just before. Only where node:tls is loaded already; a context that
 * is made later needs none of it.
 */
export function adoptOlderContexts(): void {
  const { binding } = loadBinding()
  const prototype = loadedModule('tls')?.TLSSocket.prototype as Initializable | undefined
  if (!state.tracking || binding === undefined || state.undo !== undefined) return
  const original = prototype?._init
  if (prototype === undefined || typeof original !== 'function') return
  const adopting = function _init(this: unknown, ...parameters: unknown[]) {
    binding.adoptLatestSession()
    return Reflect.apply(original, this, parameters)
  }
  prototype._init = adopting
  state.undo = () => {
    // Whoever wrapped it after us keeps their wrapper; ours inside it does nothing once tracking has stopped.
    if (prototype._init === adopting) prototype._init = original
  }
}

export function leaveOlderContexts(): void {
  state.undo?.()
  state.undo = undefined
}
