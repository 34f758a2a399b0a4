// `npm run docs:compatibility`: writes the tables of docs/compatibility.md anew, from docs/compatibility.json.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readResults } from './compatibility/results.mjs'
import { withTables } from './compatibility/tables.mjs'

const folder = join(import.meta.dirname, '../docs')
const document = join(folder, 'compatibility.md')

writeFileSync(document, withTables(readFileSync(document, 'utf8'), readResults(join(folder, 'compatibility.json'))))
