import { createReadStream } from 'node:fs'
import { stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import * as h3v1 from 'h3'
import * as h3v2 from 'h3-2'
import { toNodeHandler } from 'h3-2/node'
import httpServer from 'http-server'
import { preview } from 'vite'
import { listening, listenSecurely } from '../listen.mjs'

const pathOf = (folder, pathname) => join(folder, basename(pathname))
const metaOf = async (path) => {
  const { size, mtime } = await stat(path)
  return { size, mtime }
}

/** @type {import('../app.mjs').App[]} */
export const apps = [
  {
    packages: ['h3'],
    what: 'sendStream(event, createReadStream())',
    start: (context) =>
      listenSecurely(
        h3v1.toNodeListener(
          h3v1
            .createApp()
            .use(
              h3v1.eventHandler((event) =>
                h3v1.sendStream(event, createReadStream(pathOf(context.folder, event.path))),
              ),
            ),
        ),
        context,
      ),
  },
  {
    packages: ['h3'],
    what: 'serveStatic()',
    start: (context) =>
      listenSecurely(
        h3v1.toNodeListener(
          h3v1.createApp().use(
            h3v1.eventHandler((event) =>
              h3v1.serveStatic(event, {
                getContents: (id) => createReadStream(pathOf(context.folder, id)),
                getMeta: (id) => metaOf(pathOf(context.folder, id)),
              }),
            ),
          ),
        ),
        context,
      ),
  },
  {
    packages: ['h3-2'],
    what: 'serveStatic()',
    start: (context) =>
      listenSecurely(
        toNodeHandler(
          new h3v2.H3().get('/**', (event) =>
            h3v2.serveStatic(event, {
              getContents: (id) => createReadStream(pathOf(context.folder, id)),
              getMeta: (id) => metaOf(pathOf(context.folder, id)),
            }),
          ),
        ),
        context,
      ),
  },
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
