// Tables in documents that are made from something else say what it says.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { root } from './fixtures/child.js'

t.test('docs/performance.md has the figures of bench/results', async (t) => {
  const load = (file: string) => import(pathToFileURL(join(root, file)).href)
  const { withTables } = await load('bench/report/document.mjs')
  const { readResults } = await load('bench/results.mjs')
  const document = readFileSync(join(root, 'docs/performance.md'), 'utf8')
  const read: string[] = []
  const expected = withTables(document, (name: string) => {
    read.push(name)
    return readResults(name)
  })
  t.ok(read.length > 0)
  t.equal(document, expected, '`npm run bench:report` mends it')
})
