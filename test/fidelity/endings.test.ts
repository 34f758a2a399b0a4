// Pipes that end before their time: whoever is told without the package is told with it, in the same order.

import t from 'tap'
import { timeLimitMs } from '../support/time-limit.js'
import { compareWays } from './play.js'

t.setTimeout(timeLimitMs)

await compareWays(t, import.meta.url, 'endings')
