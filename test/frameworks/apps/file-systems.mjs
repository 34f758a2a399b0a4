import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import fsExtra from 'fs-extra'
import gracefulFs from 'graceful-fs'
import { Volume } from 'memfs'
import { secureApp } from '../listen.mjs'

/** @type {import('../app.mjs').App[]} */
export const apps = [
  ['graceful-fs', () => gracefulFs],
  ['fs-extra', () => fsExtra],
  ['memfs', ({ folder }) => Volume.fromJSON({ [join(folder, 'film.mp4')]: readFileSync(join(folder, 'film.mp4')) })],
].map(([name, open]) =>
  secureApp([name], 'createReadStream().pipe(res)', (context) => {
    const fileSystem = open(context)
    return (request, response) =>
      fileSystem.createReadStream(join(context.folder, basename(request.url))).pipe(response)
  }),
)
