// Links in documents lead somewhere, and tables that are made from something else say what it says.

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { root } from './fixtures/child.js'
import { documents, load, rowsOf, textOf } from './fixtures/documents.js'

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

t.test('so has the README some, and says which are emulated', async (t) => {
  const rows = rowsOf('README.md', 'Figures')
  t.equal(rows.length, 2)
  for (const [label = '', ...figures] of rows) {
    const [, file = ''] = /\((bench\/results\/[\w-]+\.json)\)/.exec(label) ?? []
    const { conditions, cases } = JSON.parse(textOf(file)) as BenchResult
    const { contenders } = cases.find(({ name }) => name === 'one stream') as BenchResult['cases'][number]
    const names = [
      'plain Node',
      'ktls-pipe',
      conditions.transport === 'plain TCP' ? 'nginx, sendfile' : 'nginx, kernel TLS',
    ]
    const expected = names.map((name) => {
      const contender = contenders.find((each) => each.name === name || each.name.startsWith(`${name}, 2 workers`))
      return `${contender?.readings.serverCpuPerGib.median.toFixed(3)} s`
    })
    t.strictSame(figures, expected, label)
    t.equal(label.includes('**emulated**'), conditions.emulated, label)
  }
})

interface BenchResult {
  conditions: { transport: string; emulated: boolean }
  cases: { name: string; contenders: { name: string; readings: { serverCpuPerGib: { median: number } } }[] }[]
}

t.test('docs/compatibility.md has what test runs have noted', async (t) => {
  const { withTables } = await load('scripts/compatibility/tables.mjs')
  const { readResults } = await load('scripts/compatibility/results.mjs')
  const document = textOf('docs/compatibility.md')
  const results = readResults(join(root, 'docs/compatibility.json'))
  t.ok(results.cells.length > 0)
  t.equal(document, withTables(document, results), '`npm run docs:compatibility` mends it')
})

t.test('what a run notes takes the place of its own cell, and of no other', async (t) => {
  const { withCell } = await load('scripts/compatibility/results.mjs')
  const cell = (kernel: string, node: string, passed: number) => ({ kernel, node, passed })
  const noted = [cell('6.12', 'v20.19.0', 1), cell('6.12', 'v22.1.0', 2), cell('6.1', 'v20.19.0', 3)]
  const empty = { cells: [], kernels: [] }
  const before = noted.reduce((results, each) => withCell(results, each, { kernel: each.kernel, rekey: false }), empty)
  t.strictSame(before, {
    cells: [noted[2], noted[0], noted[1]],
    kernels: [
      { kernel: '6.1', rekey: false },
      { kernel: '6.12', rekey: false },
    ],
  })
  const again = cell('6.12', 'v20.20.2', 4)
  t.strictSame(withCell(before, again, { kernel: '6.12', rekey: true }), {
    cells: [noted[2], again, noted[1]],
    kernels: [
      { kernel: '6.1', rekey: false },
      { kernel: '6.12', rekey: true },
    ],
  })
})

t.test('a cell says what it is of, and what failed', async (t) => {
  const { withTables } = await load('scripts/compatibility/tables.mjs')
  const document = ['tests', 'failures', 'ciphers']
    .map((name) => `<!-- compatibility: ${name} -->\n<!-- end -->\n`)
    .join('')
  const common = { release: '6.12.1', date: '2026-01-02', openssl: '3.0.1' }
  const some = { files: 3, of: 5, passed: 7, failed: 1, skipped: 2, asked: '--grep behaviour/', failures: ['a > b'] }
  const all = { files: 5, of: 5, passed: 9, failed: 0, skipped: 0, asked: '', failures: [] }
  const [gcm, chaCha] = ['AES-128-GCM', 'CHACHA20-POLY1305']
  const text = withTables(document, {
    cells: [
      { kernel: '6.12', node: 'v20.1.0', ...common, ...some },
      { kernel: 'host', node: 'v22.1.0', ...common, ...all },
    ],
    kernels: [
      {
        ...{ kernel: '6.12', ...common, rekey: false },
        ciphers: [
          { version: 'TLSv1.3', cipher: gcm, available: true },
          { version: 'TLSv1.3', cipher: chaCha, available: false, error: 'ENOENT' },
          { version: 'TLSv1.2', cipher: gcm, available: false, error: 'EINVAL' },
        ],
      },
    ],
  })
  for (const row of [
    '| Kernel | Node.js 20.1.0, OpenSSL 3.0.1 | Node.js 22.1.0, OpenSSL 3.0.1 |',
    '| 6.12: 6.12.1, QEMU | 7 passed, **1 failed**, 2 skipped<br>part: 3 of 5 files (`--grep behaviour/`)<br>2026-01-02 | not tried |',
    '| host: 6.12.1, the machine itself | not tried | 9 passed, 0 failed, 0 skipped<br>all 5 files<br>2026-01-02 |',
    '- 6.12, Node.js 20.1.0: a > b',
    `| 6.12: 6.12.1, QEMU | none (EINVAL) | ${gcm}, not ${chaCha} (ENOENT) | the connection ends | 2026-01-02 |`,
    '| 6.18: QEMU | not tried | not tried | not tried | not tried |',
  ]) {
    t.ok(text.split('\n').includes(row), `${row}\n${text}`)
  }
})
