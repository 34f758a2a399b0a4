import { once } from 'node:events'
import type { Test } from 'tap'
import { type PlayerProcess, startPlayer } from '../player-process.js'
import type { Answer, PlayerOptions } from './player.js'
import type { Program } from './program.js'
import type { Run } from './run.js'

/** The parent's side of a player of random programs. */
export class ProgramPlayer {
  readonly #process: PlayerProcess

  /** It ends with the test. */
  static async start(t: Test, testUrl: string, options: PlayerOptions): Promise<ProgramPlayer> {
    const process = startPlayer(testUrl, './programs/player', options)
    t.teardown(async () => {
      process.child.kill()
      await process.ended
    })
    const player = new ProgramPlayer(process)
    await player.#answer()
    return player
  }

  private constructor(process: PlayerProcess) {
    this.#process = process
  }

  async play(program: Program): Promise<Run> {
    this.#process.child.send(program)
    const answer = (await this.#answer()) as Answer
    if ('failed' in answer) throw new Error(answer.failed)
    return answer.run
  }

  async #answer(): Promise<unknown> {
    const { child, ended } = this.#process
    const answered = once(child, 'message').then(([message]) => ({ message: message as unknown }))
    const first = await Promise.race([answered, ended])
    if ('description' in first) throw new Error(first.description)
    return first.message
  }
}
