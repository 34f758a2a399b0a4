// Files piped into sockets, upgraded connections and requests: both peers see what they see without the package.

import t from 'tap'
import { timeLimitMs } from '../support/time-limit.js'
import { compareWays } from './play.js'

t.setTimeout(timeLimitMs)

await compareWays(t, import.meta.url, 'sockets')
