// Several readings of one thing.

/** @typedef {{ median: number, minimum: number, maximum: number }} Summary */

/** @param {number[]} numbers */
export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** @param {number[]} numbers @returns {Summary} */
export function summarize(numbers) {
  return { median: median(numbers), minimum: Math.min(...numbers), maximum: Math.max(...numbers) }
}
