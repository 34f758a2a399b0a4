import { throwUncaught } from '../node-internals.js'
import { sharedSlot } from '../shared-state.js'
import { type NativeBinding, Outcome, type Submitted } from './binding.js'

/** `outcome` is Outcome or -errno; `bytesSent` counts the item's plaintext that the kernel has taken. */
export type CompletionHandler = (outcome: number, bytesSent: number) => void

const maximumItem = 0xffffffff

/**
 * Gives numbers to items and calls their handlers. While an item is under way the process stays alive, as it does for
 * Node's own write requests.
 */
export class Mailbox {
  readonly #binding: NativeBinding
  readonly #handlers = new Map<number, CompletionHandler>()
  readonly #watched = new Set<number>()
  #lastItem = 0

  constructor(binding: NativeBinding) {
    this.#binding = binding
    binding.openMailbox((triples) => this.#handOut(triples))
  }

  /** Lets `send` use a number, and keeps what `handler` makes only if the item is under way afterwards. */
  submit(send: (item: number) => Submitted, handler: () => CompletionHandler): Submitted {
    const item = this.#nextItem()
    const submitted = send(item)
    // Completions come in later turns of the event loop.
    if (submitted === 0) this.#expect(item, handler())
    return submitted
  }

  /** A number for something that may never come: the process does not stay alive for it. */
  watch(handler: CompletionHandler): number {
    const item = this.#nextItem()
    this.#handlers.set(item, handler)
    this.#watched.add(item)
    return item
  }

  forget(item: number): void {
    if (!this.#handlers.delete(item) || this.#watched.delete(item)) return
    if (this.#handlers.size === this.#watched.size) this.#binding.holdEventLoop(false)
  }

  #expect(item: number, handler: CompletionHandler): void {
    this.#handlers.set(item, handler)
    if (this.#handlers.size - this.#watched.size === 1) this.#binding.holdEventLoop(true)
  }

  #nextItem(): number {
    do {
      this.#lastItem = this.#lastItem === maximumItem ? 1 : this.#lastItem + 1
    } while (this.#handlers.has(this.#lastItem))
    return this.#lastItem
  }

  #handOut(triples: Float64Array): void {
    for (let index = 0; index < triples.length; index += 3) {
      const [item, outcome, bytesSent] = triples.subarray(index, index + 3) as unknown as [number, number, number]
      const handler = this.#handlers.get(item)
      if (handler === undefined) continue
      if (outcome !== Outcome.Progress) this.forget(item)
      try {
        handler(outcome, bytesSent)
      } catch (error) {
        throwUncaught(error) // the rest of the batch is heard first
      }
    }
  }
}

/** The thread's mailbox. */
export function mailboxOf(binding: NativeBinding): Mailbox {
  return sharedSlot('mailbox', () => new Mailbox(binding))
}
