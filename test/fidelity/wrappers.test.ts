// Methods that somebody has wrapped: the wrapper is called with what it is called with in plain Node.

import t from 'tap'
import { timeLimitMs } from '../support/time-limit.js'
import { compareWays } from './play.js'

t.setTimeout(timeLimitMs)

await compareWays(t, import.meta.url, 'wrappers')
