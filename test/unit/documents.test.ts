// Links in documents lead somewhere, and tables that are made from something else say what it says.

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { root } from './fixtures/child.js'
import { documents, load, textOf } from './fixtures/documents.js'

t.test('links within the project lead somewhere', async (t) => {
  let checked = 0
  for (const document of documents) {
    for (const target of linksOf(textOf(document))) {
      if (/^[a-z]+:/.test(target)) continue
      const [path = '', heading] = target.split('#')
      const file = path === '' ? document : join(dirname(document), path)
      t.ok(existsSync(join(root, file)), `${document}: ${target}`)
      if (heading !== undefined) t.ok(headingsOf(textOf(file)).includes(heading), `${document}: ${target}`)
      checked++
    }
  }
  t.ok(checked > 40)
})

t.test('each document can be reached from the README', async (t) => {
  const reached = new Set(['README.md', 'CHANGELOG.md']) // npm and GitHub show that one themselves
  for (const document of reached) {
    for (const target of linksOf(textOf(document))) {
      const [path = ''] = target.split('#')
      if (path.endsWith('.md') && !/^[a-z]+:/.test(path)) reached.add(join(dirname(document), path))
    }
  }
  for (const document of documents) t.ok(reached.has(document), document)
})

/** In line, `[text](target)`, and of the kind `[text]: target`. */
function linksOf(text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g), ...text.matchAll(/^\[[^\]]+\]: (\S+)/gm)]
  return links.map(([, target]) => target as string)
}

/** As GitHub names them. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

t.test('docs/performance.md has the figures of bench/results', async (t) => {
  const { withTables } = await load('bench/report/document.mjs')
  const { readResults } = await load('bench/results.mjs')
  const document = textOf('docs/performance.md')
  const read: string[] = []
  const expected = withTables(document, (name: string) => {
    read.push(name)
    return readResults(name)
  })
  t.ok(read.length > 0)
  t.equal(document, expected, '`npm run bench:report` mends it')
})
