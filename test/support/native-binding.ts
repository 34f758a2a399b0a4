import { channel } from 'node:diagnostics_channel'
import type { NativeBinding } from '../../src/native/binding.js'

/** The addon as the package under test has loaded it. */
export function nativeBinding(): NativeBinding {
  const slots = Reflect.get(channel('ktls-pipe:state:0'), Symbol.for('ktls-pipe.state')) as Map<string, unknown>
  const { binding } = slots.get('binding') as { binding?: NativeBinding }
  if (binding === undefined) throw new Error('the addon is not loaded')
  return binding
}
