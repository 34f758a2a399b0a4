// Does several things at once, but not all of them.

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
