import { getSystemErrorMap, getSystemErrorName, inspect } from 'node:util'

/** Stable codes of the errors that ktls-pipe makes. */
export type KtlsErrorCode = 'ERR_KTLS_INVALID_ARGUMENT' | 'ERR_KTLS_SOURCE_TRUNCATED' | 'ERR_KTLS_RANGE_NOT_SENT'

const brand = Symbol.for('ktls-pipe.error')

/**
 * Base of the errors that ktls-pipe makes. Match on `code`. `instanceof` holds across copies of the package (ESM and
 * CommonJS in one process).
 */
export class KtlsError extends Error {
  readonly code: KtlsErrorCode

  constructor(code: KtlsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'KtlsError'
    this.code = code
    Object.defineProperty(this, brand, { value: true })
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value
  }
}

/** A wrong argument to a public function: a TypeError that names the argument and what it got. */
export function invalidArgument(name: string, expected: string, received: unknown): TypeError {
  const shown = inspect(received, { depth: 0, breakLength: Infinity })
  const error = new TypeError(`The argument '${name}' must be ${expected}. Received ${shown.slice(0, 80)}`)
  return Object.assign(error, { code: 'ERR_KTLS_INVALID_ARGUMENT' satisfies KtlsErrorCode })
}

/** A failed write, in the shape of Node's own: `code`, `errno`, `syscall`. `errno` is negative, as Node has it. */
export function writeError(errno: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(errno)
  return Object.assign(new Error(`write ${code}`), { errno, code, syscall: 'write' })
}

// By what they look like, errors of files could be of sockets.
const ofSources = new WeakSet<Error>()

/** It is the file that failed, and not the connection. */
export function isOfSource(error: Error | null | undefined): error is Error {
  return error instanceof KtlsError || (error instanceof Error && ofSources.has(error))
}

export function markOfSource<Failure extends Error>(error: Failure): Failure {
  ofSources.add(error)
  return error
}

/** A failed read of a file, in the shape of Node's own. */
export function readError(errno: number): NodeJS.ErrnoException {
  const [code, text] = getSystemErrorMap().get(errno) ?? ['UNKNOWN', 'unknown error']
  return markOfSource(Object.assign(new Error(`${code}: ${text}, read`), { errno, code, syscall: 'read' }))
}

/** The source ended before the bytes that had been promised for it. */
export function sourceTruncated(bytesMissing: number): KtlsError {
  return new KtlsError(
    'ERR_KTLS_SOURCE_TRUNCATED',
    `The file became shorter while it was being sent; ${bytesMissing} bytes of the range were missing. ` +
      'The connection was destroyed, because its body can no longer be completed.',
  )
}

/** Something between the stream and the socket has swallowed a part of the file. */
export function rangeNotSent(bytesMissing: number): KtlsError {
  return new KtlsError(
    'ERR_KTLS_RANGE_NOT_SENT',
    `${bytesMissing} bytes of a file were not sent: the socket's write methods were replaced while it was in use, ` +
      'or it was destroyed. The connection was destroyed, because its stream has a hole.',
  )
}
