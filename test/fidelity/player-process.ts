import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export interface PlayerProcess {
  child: ChildProcess
  /** When it has ended: its exit code, and in words how it did. */
  ended: Promise<{ code: number | null; description: string }>
}

/** Starts a player that lies beside a test: compiled, or a source file for the same loader. `path` has no ending. */
export function startPlayer(testUrl: string, path: string, part: object): PlayerProcess {
  const file = fileURLToPath(new URL(`${path}${testUrl.endsWith('.ts') ? '.ts' : '.mjs'}`, testUrl))
  const child = fork(file, [JSON.stringify(part)], { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
  const ended = Promise.all([text(child.stderr as Readable), once(child, 'close')]).then(
    ([stderr, [code, signal]]) => ({
      code: code as number | null,
      description: `the player ended by ${code ?? signal}: ${stderr}`,
    }),
  )
  return { child, ended }
}
