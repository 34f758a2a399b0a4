import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { peerCommand } from './peers.js'

export type OpensslClient = ReturnType<typeof openssl>

export interface OpensslEnd {
  code: number | null
  printed: Buffer
  complained: string
}

/**
 * openssl s_client. A line `K` from it asks for a change of both write keys (TLS 1.3), `R` for a renegotiation
 * (TLS 1.2); a line `Q` ends it.
 */
export function openssl(port: number, options: readonly string[] = ['-tls1_3']) {
  const { command, args, env } = peerCommand('openssl')
  const own = ['s_client', '-brief', ...options, '-connect', `127.0.0.1:${port}`]
  const child = spawn(command, [...args, ...own], { env, stdio: 'pipe' })
  const chunks: Buffer[] = []
  let bytesPrinted = 0
  let complained = ''
  child.stdout.on('data', (bytes: Buffer) => {
    chunks.push(bytes)
    bytesPrinted += bytes.length
  })
  child.stderr.on('data', (text) => {
    complained += text
  })
  child.stdin.on('error', () => {}) // it has ended, which `ended` tells
  const printed = () => {
    chunks.splice(0, chunks.length, Buffer.concat(chunks))
    return chunks[0] as Buffer
  }
  const until = async (stream: NodeJS.ReadableStream, done: () => boolean) => {
    while (!done()) {
      // After its exit there may be more to read.
      const end = await Promise.race([once(stream, 'data').then(() => undefined), ended])
      if (end !== undefined && !done()) throw new Error(`openssl ended early: ${complained}`)
    }
  }
  const ended: Promise<OpensslEnd> = once(child, 'close').then(([code]) => ({ code, printed: printed(), complained }))
  return {
    type: (line: string) => child.stdin.write(line),
    untilPrinted: (text: string) => until(child.stdout, () => printed().includes(text)),
    /** Bytes on its standard output, from the first on. */
    untilPrintedBytes: (count: number) => until(child.stdout, () => bytesPrinted >= count),
    untilComplained: (text: string) => until(child.stderr, () => complained.includes(text)),
    ended,
    get printed() {
      return printed()
    },
  }
}
