// Whatever is piped, and whatever becomes of it meanwhile: a program sees what it sees without the package.

import t from 'tap'
import { timeLimitMs } from '../support/time-limit.js'
import { compareWays } from './play.js'

t.setTimeout(timeLimitMs)

await compareWays(t, import.meta.url, 'sources')
