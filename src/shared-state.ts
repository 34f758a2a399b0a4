import diagnosticsChannel from 'node:diagnostics_channel'

/**
 * State that all copies of the package in one thread have in common (the ESM and the CommonJS build, or two installed
 * copies of one major version), so that a range written by one is known to the other and a socket has one writer.
 * It hangs on a diagnostics channel, which Node keeps one of per name and thread: no global is needed for it.
 */
const key = Symbol.for('ktls-pipe.state')
const channel = diagnosticsChannel.channel('ktls-pipe:state:0') as object as { [key]?: Map<string, unknown> }
if (channel[key] === undefined) Object.defineProperty(channel, key, { value: new Map() })

/** The slot of that name, made by whoever asks first. */
export function sharedSlot<T>(name: string, create: () => T): T {
  // Asked through the channel, which holds it alive: Node keeps channels without subscribers only weakly.
  const slots = channel[key] as Map<string, unknown>
  const known = slots.get(name) as T | undefined
  if (known !== undefined || slots.has(name)) return known as T
  const fresh = create()
  slots.set(name, fresh)
  return fresh
}

/** What the slots hang on. */
export const sharedStateAnchor: object = channel
