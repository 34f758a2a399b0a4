import { fullRun } from './full-run.js'

/** For a whole test file: an emulated machine is ten times slower than others, and some are three times slower still. */
export const timeLimitMs = (fullRun ? 18 : 6) * 60_000
