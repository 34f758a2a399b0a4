// A file in an HTTP response, with everything else that a response can be: a program and its clients see what they see
// without the package.

import t from 'tap'
import { timeLimitMs } from '../support/time-limit.js'
import { compareWays } from './play.js'

t.setTimeout(timeLimitMs)

await compareWays(t, import.meta.url, 'http')
