import { subscribe } from 'node:diagnostics_channel'
import { currentSettings, type Engine, readEnvironment } from '../options.js'
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
    for (const { name, value, expected } of readEnvironment(process.env).malformed) {
      write(`${name} is ignored: it must be ${expected}, it is '${value}'`)
    }
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

/** Says from which size on files are tried, or that none is: a log without lines would not tell. */
export function logInstalled(): void {
  const { logsFiles, disabled, minimumBytes } = currentSettings()
  if (!logsFiles) return
  const tried = Object.entries(minimumBytes)
    .filter(([, bytes]) => bytes !== false)
    .map(([engine, bytes]) => `${carriers[engine as Engine]} from ${bytes} bytes`)
  write(disabled ? 'disabled' : `installed: tries ${tried.join(', ') || 'nothing'}`)
}

function print(source: object, how: string): void {
  const { path } = source as { path?: string | Buffer }
  write(`${path ?? 'a descriptor'}: ${how}`)
}

function write(line: string): void {
  process.stderr.write(`ktls-pipe: ${line}\n`)
}
