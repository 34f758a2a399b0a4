import type { Cases } from './case.js'
import { cases as connections } from './cases/connections.js'
import { cases as endings } from './cases/endings.js'
import { cases as http } from './cases/http.js'
import { cases as idleConnections } from './cases/idle-connections.js'
import { cases as sockets } from './cases/sockets.js'
import { cases as sources } from './cases/sources.js'
import { cases as streams } from './cases/streams.js'
import { cases as wrappers } from './cases/wrappers.js'
import { cases as zeroCopy } from './cases/zero-copy.js'

/** All cases, by what they are about. */
export const groups = {
  connections,
  endings,
  http,
  idleConnections,
  sockets,
  sources,
  streams,
  wrappers,
  zeroCopy,
} satisfies Record<string, Cases>

export type Group = keyof typeof groups
