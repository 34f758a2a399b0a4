// Tables in documents that are made from something else say what it says.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { root } from './fixtures/child.js'

interface Bench {
  withTables: (document: string, resultsOf: (name: string) => unknown) => string
  readResults: (name: string) => unknown
}

t.test('docs/performance.md has the figures of bench/results', async (t) => {
  const [{ withTables }, { readResults }] = await Promise.all(
    ['bench/report/document.mjs', 'bench/results.mjs'].map(
      (file): Promise<Bench> => import(pathToFileURL(join(root, file)).href),
    ) as [Promise<Bench>, Promise<Bench>],
  )
  const document = readFileSync(join(root, 'docs/performance.md'), 'utf8')
  const read: string[] = []
  const expected = withTables(document, (name) => {
    read.push(name)
    return readResults(name)
  })
  t.ok(read.length > 0)
  t.equal(document, expected, '`npm run bench:report` mends it')
})
