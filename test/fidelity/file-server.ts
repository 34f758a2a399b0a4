import { createReadStream } from 'node:fs'
import type { Server } from 'node:http'
import type { ServerOptions } from 'node:https'
import { ownKernel } from '../support/network-buffers.js'
import { Connection } from './connection.js'
import { largeBytes, smallBytes } from './exchange.js'
import type { Stage } from './stage.js'

/** By path. */
const sizes: Record<string, number> = { '/file': smallBytes, '/chunked': smallBytes, '/large': largeBytes }

/** A server of files by their size; everything else is a word. */
export async function serveFiles(stage: Stage, options: ServerOptions = {}): Promise<Server> {
  const paths = Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, stage.files.make(size)]))
  return stage.serveHttp((request, response) => {
    const path = paths[request.url ?? '']
    response.sendDate = false
    if (path === undefined) {
      response.end('a word')
      return
    }
    if (request.url === '/file') response.setHeader('Content-Length', smallBytes)
    const source = createReadStream(path)
    response.on('close', () => source.destroy())
    source.pipe(response)
  }, options)
}

/** Until which a case waits. An emulated machine takes its time. */
export const briefMs = ownKernel ? 750 : 150

type Settings = Partial<Pick<Server, 'keepAliveTimeout' | 'maxRequestsPerSocket' | 'timeout'>>

/** Such a server, and a client's connection to it. */
export async function connectToFiles(stage: Stage, settings: Settings = {}, options: ServerOptions = {}) {
  const server = Object.assign(await serveFiles(stage, options), settings)
  return { server, connection: await Connection.open(stage, server) }
}

/** Until the server has done with its next response. */
export function responseClosed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.once('request', (_request, response) => response.on('close', resolve))
  })
}
