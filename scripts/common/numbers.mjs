// Numbers on a command line.

/**
 * @param {string} option its name
 * @param {string} text
 * @throws {Error} that a person can act on
 */
export function positiveNumber(option, text) {
  const number = Number(text)
  if (number > 0 && number < Infinity) return number
  throw new Error(`--${option} must be a number above 0, it is '${text}'.`)
}
