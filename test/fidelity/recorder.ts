import { AsyncLocalStorage } from 'node:async_hooks'
import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { stateOfLeftSocket, stateOfSocket } from './states.js'

const quietMs = 150
const turnsOfReading = 3
const descriptorEvents = new Set(['open', 'ready', 'close', 'finished']) // the last one waits for the one before

/** What a program sees of its streams: events and callbacks in their order, each with what holds at that moment. */
export class Recorder {
  readonly #lines: string[] = []
  readonly #storage = new AsyncLocalStorage<string>()
  #disturb: () => void = () => {}

  get lines(): string[] {
    return this.#lines
  }

  /** Runs `act` in an async context of that name; what is seen in it bears the name. */
  inContext<Result>(name: string, act: () => Result): Result {
    return this.#storage.run(name, act)
  }

  note(what: string, ...details: unknown[]): void {
    const store = this.#storage.getStore()
    const line = [what, ...details.map(describe), ...(store === undefined ? [] : [`in ${store}`])]
      .filter(Boolean)
      .join(' ')
    this.#lines.push(line)
    this.stir()
  }

  /** A callback that notes its error, or its absence. */
  callback(name: string): (error?: Error | null) => void {
    return (error) => this.note(name, error ?? 'ok')
  }

  /** `anywhere`: those of the events whose context is chance; they are noted without it. */
  watch<Watched extends EventEmitter>(
    name: string,
    watched: Watched,
    events: readonly string[],
    state: (of: Watched, event: string) => string = () => '',
    anywhere: readonly string[] = [],
  ): void {
    for (const event of events) {
      watched.on(event, (argument: unknown) => {
        const note = () =>
          this.note(`${name} ${event}`, argument instanceof Error ? argument : '', state(watched, event))
        if (anywhere.includes(event)) this.#storage.exit(note)
        else note()
      })
    }
  }

  /**
   * Without their context: whether a read or a write finds out that the peer has gone is chance. `isLeft`: the peer
   * goes when it likes, and by which error that is told is chance too.
   */
  watchSocket(socket: Socket, isLeft = false): void {
    const events = isLeft ? ['close', 'timeout'] : ['error', 'close', 'timeout']
    this.watch('socket', socket, events, isLeft ? stateOfLeftSocket : stateOfSocket, events)
  }

  /**
   * What was seen, in its order; in the order of each object alone where that between them is chance, as it always is
   * of the connection and of each file's descriptor, which the thread pool opens and closes.
   */
  seen(bySubject: boolean): Record<string, string[]> {
    const seen: Record<string, string[]> = {}
    for (const line of this.#lines) {
      const [subject = '', event] = line.split(' ', 2)
      const isApart = bySubject || subject === 'socket'
      const isOfDescriptor = subject.startsWith('source') && descriptorEvents.has(event ?? '')
      const group = isOfDescriptor ? `descriptor of ${subject}` : isApart ? subject : 'all'
      seen[group] ??= []
      seen[group].push(line)
    }
    return seen
  }

  /** Notes how a promise ends. */
  async outcome(name: string, promise: Promise<unknown>): Promise<void> {
    await promise.then(
      () => this.note(name, 'fulfilled'),
      (error) => this.note(name, 'rejected', error),
    )
  }

  /** Something goes on that is not worth a note. */
  stir(): void {
    this.#disturb()
  }

  /** Until nothing has happened for a while: that nothing comes any more has no event. */
  untilQuiet(): Promise<void> {
    return new Promise((resolve) => {
      let isQuiet = false
      const timer = setTimeout(async () => {
        // What has come while the event loop was busy is read now.
        isQuiet = true
        for (let turn = 0; turn < turnsOfReading; turn++) await new Promise(setImmediate)
        if (!isQuiet) return
        this.#disturb = () => {}
        resolve()
      }, quietMs)
      this.#disturb = () => {
        isQuiet = false
        timer.refresh()
      }
    })
  }
}

function describe(detail: unknown): string {
  if (!(detail instanceof Error)) return String(detail)
  const { name, code, message } = detail as NodeJS.ErrnoException
  return `[${name} ${code ?? message}]`
}
