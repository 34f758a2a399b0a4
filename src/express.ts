import type { IncomingMessage, ServerResponse } from 'node:http'
import { prepare } from './install.js'
import { setOffload } from './offload-state.js'
import { offloadPipesInto } from './pipe/pipe-listener.js'

/** Middleware of Express, and of everything else that calls `(request, response, next)`. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void

// Sessions must be counted from their first byte, so counting begins with the import.
prepare()

/**
 * Files that are piped into the responses of this app, or of these routes, are offloaded where possible, whether or not
 * install() was called.
 *
 * @example
 * app.use('/downloads', offloadFiles(), express.static('downloads'))
 */
export function offloadFiles(): Middleware {
  return (_request, response, next) => {
    offloadPipesInto(response)
    next()
  }
}

/** These routes take Node's ordinary path, with the reason 'opted-out', whatever is installed. */
export function keepFilesInUserspace(): Middleware {
  return (_request, response, next) => {
    setOffload(response, false)
    next()
  }
}
