// What the event loop of a process that does nothing is delayed by, on a machine on which another sends the files: no
// server that leaves all sending to others can have less.

import { plainNode } from './node.mjs'

/**
 * @param {import('./contender.mjs').Contender} sender
 * @returns {import('./contender.mjs').Contender}
 */
export function idleBeside(sender) {
  return {
    name: `an idle loop beside ${sender.name}`,
    async start(grounds) {
      const [idle, other] = await Promise.all([plainNode.start(grounds), sender.start(grounds)])
      return {
        ...idle,
        pids: () => [...idle.pids(), ...other.pids()],
        filesUrl: other.url,
        async stop() {
          await Promise.all([idle.stop(), other.stop()])
        },
      }
    },
  }
}
