import { cp, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import nextjs from 'next'
import { listenSecurely } from '../listen.mjs'

const buildFolder = '.next'
const built = join(import.meta.dirname, '..', 'next-app', buildFolder)

/** The files of `public/`, as `next start` serves them. @returns {import('../app.mjs').App} */
function publicFiles(what, config) {
  return {
    packages: ['next'],
    what,
    async start(context) {
      const dir = await mkdtemp(join(context.scratch, 'next-'))
      await cp(built, join(dir, buildFolder), { recursive: true })
      await symlink(context.folder, join(dir, 'public'))
      // Of what it is given in code not all is heeded.
      await writeFile(join(dir, 'next.config.mjs'), `export default ${JSON.stringify(config)}`)
      const app = nextjs({ dir })
      await app.prepare()
      return listenSecurely(app.getRequestHandler(), context)
    },
  }
}

export const apps = [publicFiles('public/', {}), publicFiles('public/, with compress: false', { compress: false })]
