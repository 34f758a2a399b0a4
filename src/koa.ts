import type { ServerResponse } from 'node:http'
import { prepare } from './install.js'
import { setOffload } from './offload-state.js'
import { offloadPipesInto } from './pipe/pipe-listener.js'

/** Middleware of Koa. */
export type Middleware = (context: { res: ServerResponse }, next: () => Promise<unknown>) => Promise<unknown>

// Sessions must be counted from their first byte, so counting begins with the import.
prepare()

/**
 * Files that become the body of a response behind this middleware are offloaded where possible, whether or not
 * install() was called.
 *
 * @example
 * app.use(offloadFiles())
 */
export function offloadFiles(): Middleware {
  return (context, next) => {
    offloadPipesInto(context.res)
    return next()
  }
}

/** What lies behind it takes Node's ordinary path, with the reason 'opted-out', whatever is installed. */
export function keepFilesInUserspace(): Middleware {
  return (context, next) => {
    setOffload(context.res, false)
    return next()
  }
}
