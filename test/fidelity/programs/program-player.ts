import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { Answer, PlayerOptions } from './player.js'
import type { Program } from './program.js'
import type { Run } from './run.js'

/** The parent's side of a player of random programs. */
export class ProgramPlayer {
  readonly #child: ChildProcess
  readonly #ended: Promise<string>

  /** It ends with the test. The player lies below the test: compiled, or a source file for the same loader. */
  static async start(t: Test, testUrl: string, options: PlayerOptions): Promise<ProgramPlayer> {
    const path = testUrl.endsWith('.ts') ? './programs/player.ts' : './programs/player.mjs'
    const child = fork(fileURLToPath(new URL(path, testUrl)), [JSON.stringify(options)], {
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    const player = new ProgramPlayer(child)
    t.teardown(async () => {
      child.kill()
      await player.#ended
    })
    await player.#answer()
    return player
  }

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#ended = Promise.all([text(child.stderr as Readable), once(child, 'close')]).then(
      ([stderr, [code, signal]]) => `the player ended by ${code ?? signal}: ${stderr}`,
    )
  }

  async play(program: Program): Promise<Run> {
    this.#child.send(program)
    const answer = (await this.#answer()) as Answer
    if ('failed' in answer) throw new Error(answer.failed)
    return answer.run
  }

  async #answer(): Promise<unknown> {
    const answered = once(this.#child, 'message').then(([message]) => ({ message: message as unknown }))
    const first = await Promise.race([answered, this.#ended.then((reason) => ({ reason }))])
    if ('reason' in first) throw new Error(first.reason)
    return first.message
  }
}
