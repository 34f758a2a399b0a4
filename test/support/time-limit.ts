/** For a whole test file: an emulated machine is ten times slower than others. */
export const timeLimitMs = 6 * 60 * 1000
