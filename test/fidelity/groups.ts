import type { Cases } from './case.js'
import { cases as connections } from './cases/connections.js'
import { cases as http } from './cases/http.js'
import { cases as sources } from './cases/sources.js'
import { cases as streams } from './cases/streams.js'
import { cases as wrappers } from './cases/wrappers.js'

/** All cases, by what they are about. */
export const groups = { connections, http, sources, streams, wrappers } satisfies Record<string, Cases>

export type Group = keyof typeof groups
