// What keeps a server of plain Node plain, where it is compared with one that has the package.

import { readFileSync } from 'node:fs'

/** Without a person's own settings: they must not load the package into plain Node, or switch it off in the other. */
export function neutralEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE_OPTIONS$|KTLS_PIPE_)/.test(name)))
}

/**
 * A process that loaded an addon has it mapped.
 *
 * @param {number | undefined} pid
 */
export function expectNoAddon(pid) {
  if (!/\.node$/m.test(readFileSync(`/proc/${pid}/maps`, 'utf8'))) return
  throw new Error('The server that should be plain Node has loaded an addon.')
}
