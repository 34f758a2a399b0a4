// createZeroCopyPipe in front of a response: everybody but the one who made it sees what they see without it.

import t from 'tap'
import { timeLimitMs } from '../support/time-limit.js'
import { compareWays } from './play.js'

t.setTimeout(timeLimitMs)

await compareWays(t, import.meta.url, 'zeroCopy')
