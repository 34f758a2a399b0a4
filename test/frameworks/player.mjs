// Starts the apps of the files it is given, each on a port of its own, and tells its parent where.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const { FOLDER: folder, SCRATCH: scratch, KEY: key, CERT: cert } = process.env
const context = { folder, scratch, credentials: { key, cert } }

const started = []
for (const name of process.argv.slice(2)) {
  const { apps } = await import(`./apps/${name}.mjs`)
  for (const { start, packages, ...app } of apps) {
    const server = await start(context)
    started.push({ ...app, packages: packages.map(withVersion), port: server.address().port })
  }
}
process.send(started)

function withVersion(name) {
  const path = join(import.meta.dirname, 'node_modules', name, 'package.json')
  const { name: ownName, version } = JSON.parse(readFileSync(path, 'utf8'))
  return { name: ownName, version }
}
