import { invalidArgument } from './errors.js'
import { sharedSlot } from './shared-state.js'

/** From which size on an engine takes a transfer. */
export interface EngineOptions {
  /** Transfers with fewer bytes than this take the ordinary path. */
  minimumBytes?: number
}

export interface InstallOptions {
  /** Kernel TLS. `false` leaves TLS to Node. */
  tls?: false | EngineOptions
  /** sendfile on sockets without TLS. `false` leaves them to Node. */
  tcp?: false | EngineOptions
  /**
   * Threads that send, for the process with all its Workers; a change is for sockets that have sent nothing yet. 0, the
   * default: one for each processor, at most 4.
   */
  threads?: number
}

export type Engine = 'tls' | 'tcp'

export interface Settings {
  readonly disabled: boolean
  /** Bytes from which on the engine is used; `false`: never. */
  readonly minimumBytes: Record<Engine, number | false>
  /** 0: the sender's own default. */
  readonly threads: number
  /** Whether each file is told of on standard error. */
  readonly logsFiles: boolean
}

/** An environment variable whose value was ignored. */
export interface MalformedVariable {
  name: string
  value: string
  expected: string
}

// tcp: from where on sendfile answers more requests than Node's own way (docs/performance.md, small files).
export const defaultMinimumBytes: Record<Engine, number> = { tls: 64 * 1024, tcp: 96 * 1024 }
const maximumThreads = 64

/** What the environment says, with what could not be understood. */
export function readEnvironment(environment: NodeJS.ProcessEnv): {
  settings: Settings
  malformed: MalformedVariable[]
} {
  const malformed: MalformedVariable[] = []
  const read = <T>(name: string, expected: string, parse: (value: string) => T | undefined): T | undefined => {
    const value = environment[name]
    if (value === undefined || value === '') return undefined
    const parsed = parse(value)
    if (parsed === undefined) malformed.push({ name, value, expected })
    return parsed
  }
  const flag = (name: string) =>
    read(name, '0 or 1', (value) => (value === '1' ? true : value === '0' ? false : undefined))
  const count = (name: string, maximum: number) =>
    read(name, `a whole number from 0 to ${maximum}`, (value) =>
      /^\d{1,16}$/.test(value) && Number(value) <= maximum ? Number(value) : undefined,
    )
  const engine = (name: Engine): number | false => {
    const prefix = `KTLS_PIPE_${name.toUpperCase()}`
    const minimumBytes = count(`${prefix}_MINIMUM_BYTES`, Number.MAX_SAFE_INTEGER) ?? defaultMinimumBytes[name]
    return flag(prefix) === false ? false : minimumBytes
  }
  const settings = {
    disabled: flag('KTLS_PIPE_DISABLE') === true,
    minimumBytes: { tls: engine('tls'), tcp: engine('tcp') },
    threads: count('KTLS_PIPE_THREADS', maximumThreads) ?? 0,
    logsFiles: flag('KTLS_PIPE_LOG') === true,
  }
  return { settings, malformed }
}

const state = sharedSlot('settings', () => ({ current: readEnvironment(process.env).settings }))

export function currentSettings(): Settings {
  return state.current
}

/** Puts checked options in the place of what was set before. What they leave out is as the environment says. */
export function applyOptions(options: InstallOptions): void {
  const { settings } = readEnvironment(process.env)
  const minimum = (name: Engine): number | false => {
    const given = options[name]
    const fromEnvironment = settings.minimumBytes[name]
    return given === false || fromEnvironment === false ? false : (given?.minimumBytes ?? fromEnvironment)
  }
  state.current = {
    ...settings,
    minimumBytes: { tls: minimum('tls'), tcp: minimum('tcp') },
    threads: options.threads ?? settings.threads,
  }
}

/** Throws ERR_KTLS_INVALID_ARGUMENT unless `options` is what install() takes. */
export function checkInstallOptions(options: unknown): asserts options is InstallOptions | undefined {
  if (options === undefined) return
  if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'an object', options)
  const { tls, tcp, threads } = options as Record<string, unknown>
  checkEngine('options.tls', tls)
  checkEngine('options.tcp', tcp)
  if (threads !== undefined && !isCount(threads, maximumThreads)) {
    throw invalidArgument('options.threads', `a whole number from 0 to ${maximumThreads}`, threads)
  }
}

function checkEngine(name: string, value: unknown): void {
  if (value === undefined || value === false) return
  if (typeof value !== 'object' || value === null) {
    throw invalidArgument(name, 'false or an object { minimumBytes }', value)
  }
  const { minimumBytes } = value as EngineOptions
  if (minimumBytes !== undefined && !isCount(minimumBytes, Number.MAX_SAFE_INTEGER)) {
    throw invalidArgument(`${name}.minimumBytes`, 'a whole number of bytes', minimumBytes)
  }
}

function isCount(value: unknown, maximum: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= maximum
}
