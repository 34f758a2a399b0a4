// Does several things at once, but not all of them, and all of them whatever becomes of one.

/**
 * @template Item
 * @param {number} limit
 * @param {Item[]} items
 * @param {(item: Item) => Promise<void>} action
 * @throws the first error, when all have ended
 */
export async function atOnce(limit, items, action) {
  const waiting = [...items]
  /** @type {unknown[]} */
  const errors = []
  const work = async () => {
    for (let item = waiting.shift(); item; item = waiting.shift())
      await action(item).catch((error) => errors.push(error))
  }
  await Promise.all(Array.from({ length: limit }, work))
  if (errors.length > 0) throw errors[0]
}
