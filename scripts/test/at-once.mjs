// Does several things at once, but no more than the machine bears.

import { availableParallelism, freemem } from 'node:os'

/**
 * @template Item
 * @param {number} limit
 * @param {Item[]} items
 * @param {(item: Item) => Promise<void>} action
 */
export async function atOnce(limit, items, action) {
  const waiting = [...items]
  const work = async () => {
    for (let item = waiting.shift(); item; item = waiting.shift()) await action(item)
  }
  await Promise.all(Array.from({ length: limit }, work))
}

/** How many virtual machines: each keeps a little more than one processor busy. @param {number} memoryBytes of each */
export function machinesAtOnce(memoryBytes) {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(freemem() / memoryBytes)))
}
