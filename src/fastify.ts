import type { ServerResponse } from 'node:http'
import { prepare } from './install.js'
import { setOffload } from './offload-state.js'
import { offloadPipesInto } from './pipe/pipe-listener.js'

/** What the plugin uses of a request: `config.offloadFiles` of its route (Fastify 4.23). */
interface Request {
  routeOptions: { config?: { offloadFiles?: boolean } }
}

/** What the plugin uses of Fastify. */
interface Instance {
  addHook(
    name: 'onRequest',
    hook: (request: Request, reply: { raw: ServerResponse }, done: () => void) => void,
  ): unknown
}

// Sessions must be counted from their first byte, so counting begins with the import.
prepare()

/**
 * A Fastify plugin: files that are sent by the routes of the instance that it is registered with are offloaded where
 * possible, whether or not install() was called. A route opts out by `config: { offloadFiles: false }`.
 *
 * @example
 * await fastify.register(offloadFiles)
 * fastify.get('/film', { config: { offloadFiles: false } }, handler)
 */
export function offloadFiles(instance: Instance, _options: object, done: () => void): void {
  instance.addHook('onRequest', (request, reply, next) => {
    offloadPipesInto(reply.raw)
    if (request.routeOptions.config?.offloadFiles === false) setOffload(reply.raw, false)
    next()
  })
  done()
}

// As fastify-plugin does it: the hook is for the instance itself and not for a child that only the plugin has.
Object.assign(offloadFiles, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'ktls-pipe',
  [Symbol.for('plugin-meta')]: { name: 'ktls-pipe', fastify: '>=4.23' },
})
