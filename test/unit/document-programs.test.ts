// The programs in docs/ run, and links in documents lead somewhere.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { root, runNode } from './fixtures/child.js'

const documents = [
  ...[
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'SECURITY.md',
    'examples/README.md',
    'examples/express/README.md',
  ],
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]
const textOf = (document: string) => readFileSync(join(root, document), 'utf8')

/** Blocks of JavaScript, but for those that say why they are not run. */
function programsIn(text: string): string[] {
  const blocks = text.matchAll(/(<!-- not run: [^>]+ -->\n\n)?^```js\n([\s\S]*?)^```$/gm)
  return [...blocks].filter(([, excuse]) => excuse === undefined).map(([, , program]) => program as string)
}

t.test('docs/api.md: every program runs', async (t) => {
  const folder = mkdtempSync(join(root, 'test-build-')) // in the project, where the package is found by its name
  t.teardown(() => rmSync(folder, { recursive: true }))
  const programs = programsIn(textOf('docs/api.md'))
  t.ok(programs.length >= 8)
  for (const [index, program] of programs.entries()) {
    const path = join(folder, `${index}.mjs`)
    writeFileSync(path, program)
    const { code, stderr } = await runNode([path])
    t.strictSame({ code, stderr }, { code: 0, stderr: '' }, `program ${index + 1}`)
  }
})

t.test('links within the project lead somewhere', async (t) => {
  let checked = 0
  for (const document of documents) {
    for (const [, target = ''] of textOf(document).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [path = '', heading] = target.split('#')
      const file = path === '' ? document : join(dirname(document), path)
      t.ok(existsSync(join(root, file)), `${document}: ${target}`)
      if (heading !== undefined) t.ok(headingsOf(textOf(file)).includes(heading), `${document}: ${target}`)
      checked++
    }
  }
  t.ok(checked > 20)
})

/** As GitHub names them. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
