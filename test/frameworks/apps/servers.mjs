import { createReadStream } from 'node:fs'
import { stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import * as h3v1 from 'h3'
import * as h3v2 from 'h3-2'
import { toNodeHandler } from 'h3-2/node'
import httpServer from 'http-server'
import { preview } from 'vite'
import { listening, secureApp } from '../listen.mjs'

const pathOf = (folder, pathname) => join(folder, basename(pathname))
/** What h3's serveStatic asks for. */
const contentsOf = (folder) => ({
  getContents: (id) => createReadStream(pathOf(folder, id)),
  async getMeta(id) {
    const { size, mtime } = await stat(pathOf(folder, id))
    return { size, mtime }
  },
})
const h3 = (what, handle) =>
  secureApp(['h3'], what, ({ folder }) =>
    h3v1.toNodeListener(h3v1.createApp().use(h3v1.eventHandler((event) => handle(event, folder)))),
  )

/** @type {import('../app.mjs').App[]} */
export const apps = [
  h3('sendStream(event, createReadStream())', (event, folder) =>
    h3v1.sendStream(event, createReadStream(pathOf(folder, event.path))),
  ),
  h3('serveStatic()', (event, folder) => h3v1.serveStatic(event, contentsOf(folder))),
  secureApp(['h3-2'], 'serveStatic()', ({ folder }) =>
    toNodeHandler(new h3v2.H3().get('/**', (event) => h3v2.serveStatic(event, contentsOf(folder)))),
  ),
  {
    packages: ['http-server'],
    what: 'createServer()',
    async start({ folder, scratch, credentials }) {
      const [key, cert] = [join(scratch, 'key.pem'), join(scratch, 'cert.pem')]
      await Promise.all([writeFile(key, credentials.key), writeFile(cert, credentials.cert)])
      const { server } = httpServer.createServer({ root: folder, https: { key, cert } })
      return listening(server)
    },
  },
  {
    packages: ['vite'],
    what: 'preview()',
    async start({ folder, scratch, credentials }) {
      const { httpServer: server } = await preview({
        root: scratch,
        configFile: false,
        logLevel: 'silent',
        build: { outDir: folder },
        preview: { host: '127.0.0.1', port: 0, https: credentials },
      })
      return server
    },
  },
]
