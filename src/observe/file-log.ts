import { subscribe } from 'node:diagnostics_channel'
import { currentSettings } from '../options.js'
import { sharedSlot } from '../shared-state.js'
import { channelNames, type FallbackEvent, type TransferEvent } from './diagnostics.js'

const carriers = { tls: 'kernel TLS', tcp: 'sendfile' }

/**
 * KTLS_PIPE_LOG=1: a line on standard error for each file that is piped, of how it was sent. One more subscriber of the
 * channels, like NODE_DEBUG.
 */
export function subscribeFileLog(): void {
  if (!currentSettings().logsFiles) return
  sharedSlot('file log', () => {
    subscribe(channelNames.transferEnd, (message) => {
      const { source, engine, bytesSent } = message as TransferEvent
      print(source, `${bytesSent} bytes by ${carriers[engine]}`)
    })
    subscribe(channelNames.transferError, (message) => {
      const { source, engine, bytesSent, error } = message as TransferEvent
      print(source, `${bytesSent} bytes by ${carriers[engine]}, then ${error?.message}`)
    })
    subscribe(channelNames.fallback, (message) => {
      const { source, reason } = message as FallbackEvent
      print(source, `by Node (${reason})`)
    })
    return true
  })
}

function print(source: object, how: string): void {
  const { path } = source as { path?: string | Buffer }
  process.stderr.write(`ktls-pipe: ${path ?? 'a descriptor'}: ${how}\n`)
}
