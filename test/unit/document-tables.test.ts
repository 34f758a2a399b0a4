// What documents list, they list as the source has it: nothing is missing, nothing is there that is gone.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { explainFallback, FALLBACK_REASONS, type FallbackReason } from '../../src/fallback-reason.js'
import { channelNames } from '../../src/observe/diagnostics.js'
import { getStats } from '../../src/observe/stats.js'
import { checkInstallOptions, type Engine, readEnvironment } from '../../src/options.js'
import { createZeroCopyPipe } from '../../src/pipe/zero-copy-pipe.js'
import { built, root } from './fixtures/child.js'
import { codeIn, documents, rowsOf, tablesOf, textOf } from './fixtures/documents.js'
import { sink } from './fixtures/sink.js'

const sources = new Map(
  readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => [file, textOf(join('src', file))]),
)
const sourceText = [...sources.values()].join('\n')
const defaults = readEnvironment({}).settings
/** Of development: read by the tests and tools of the project, not by the package. */
const toolDocuments = ['CONTRIBUTING.md', 'docs/testing.md']

t.test('error codes: the type, the README, and each is given somewhere', async (t) => {
  const [, union = ''] = /^export type KtlsErrorCode = (.*)$/m.exec(sources.get('errors.ts') ?? '') ?? []
  const codes = [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code as string)
  t.ok(codes.length > 2)
  t.strictSame(namesIn('README.md', 'Code'), codes)
  const given = sourceText.replace(union, '').match(/'ERR_KTLS_[A-Z_]+'/g) ?? []
  t.strictSame([...new Set(given)].sort(), codes.map((code) => `'${code}'`).sort())
  for (const document of documents) {
    for (const code of textOf(document).match(/ERR_KTLS_[A-Z_]+/g) ?? []) t.ok(codes.includes(code), document)
  }
})

t.test('fallback reasons: in this order, in the words of the source', async (t) => {
  const rows = rowsOf('docs/fallback-reasons.md', 'Reason').map(([reason = '', meaning]) => [
    codeIn(reason)[0],
    meaning,
  ])
  const expected = FALLBACK_REASONS.map((reason) => [reason, withoutMarks(explainFallback(reason))])
  t.strictSame(
    rows.map(([reason, meaning = '']) => [reason, withoutMarks(meaning)]),
    expected,
  )
})

function withoutMarks(text: string): string {
  return text.replaceAll('`', '')
}

t.test('fallback reasons: those that are advised on, and those of the frameworks, are some', async (t) => {
  const advised = [...textOf('docs/fallback-reasons.md').matchAll(/^- `([^`]+)`:/gm)].map(([, reason]) => reason)
  const met = rowsOf('docs/frameworks.md', 'With').flatMap(([, , verdict = '']) =>
    [...verdict.matchAll(/(?:no|part): `([^`]+)`/g)].map(([, reason]) => reason),
  )
  t.ok(advised.length > 3 && met.length > 3)
  for (const reason of [...advised, ...met]) t.ok(FALLBACK_REASONS.includes(reason as FallbackReason), String(reason))
})

/** Read by the commands for a clone, which the README shows as well. */
const cacheOfTools = 'KTLS_PIPE_CACHE'

t.test('environment variables: those that are read, and the values that are shown do something', async (t) => {
  const read: string[] = []
  readEnvironment(new Proxy({}, { get: (_target, name) => void read.push(String(name)) }) as NodeJS.ProcessEnv)
  const shown = rowsOf('README.md', 'Variable')
    .flatMap(([names = '']) => codeIn(names))
    .map((code) => code.split('='))
  t.strictSame(
    shown.map(([name]) => name).sort(),
    [...new Set([...read, 'NODE_DEBUG'])].sort(),
    'the package and node:util read these',
  )
  for (const [name = '', value] of shown.filter(([name]) => name !== 'NODE_DEBUG')) {
    const { settings, malformed } = readEnvironment({ [name]: value ?? '7' })
    t.strictSame(malformed, [], name)
    t.notSame(settings, defaults, name)
  }
  t.ok(
    sourceText.includes("debuglog('ktls-pipe')") && shown.some((words) => words.join('=') === 'NODE_DEBUG=ktls-pipe'),
  )
  t.strictSame(sourceText.match(/env(\.|\[['"])KTLS_PIPE_\w+/g), null, 'nowhere else')
  for (const document of documents.filter((each) => !toolDocuments.includes(each))) {
    for (const name of textOf(document).match(/KTLS_PIPE_[A-Z_]+/g) ?? [])
      t.ok(read.includes(name) || name === cacheOfTools, `${document}: ${name}`)
  }
})

t.test('options of install: their names, defaults and limits', async (t) => {
  const names: string[] = []
  checkInstallOptions(new Proxy({}, { get: (_target, name) => void names.push(String(name)) }))
  for (const document of ['README.md', 'docs/api.md']) {
    const [rows = []] = tablesOf(document, 'Option')
    t.strictSame(
      rows.map(([name = '']) => codeIn(name)[0]),
      names,
      document,
    )
    for (const engine of ['tls', 'tcp'] as const) {
      const row = rows.find(([name]) => name === `\`${engine}\``)
      t.strictSame(codeIn(row?.at(-1) ?? '').at(-1), `{ minimumBytes: ${defaults.minimumBytes[engine]} }`, document)
    }
  }
  const threads = rowsOf('docs/api.md', 'Option').find(([name]) => name === '`threads`')
  const [, from, to] = /^(\d+) to (\d+)$/.exec(threads?.[1] ?? '') ?? []
  checkInstallOptions({ threads: Number(from) })
  checkInstallOptions({ threads: Number(to) })
  for (const value of [Number(from) - 1, Number(to) + 1]) t.throws(() => checkInstallOptions({ threads: value }))
})

t.test('options of createZeroCopyPipe', async (t) => {
  const names: string[] = []
  createZeroCopyPipe(sink().stream, new Proxy({}, { get: (_target, name) => void names.push(String(name)) })).destroy()
  const [, rows = []] = tablesOf('docs/api.md', 'Option')
  t.strictSame(
    rows.map(([name = '']) => codeIn(name)[0]),
    names,
  )
  const sentence = /^Options of `createZeroCopyPipe`: (.*?)\.$/ms.exec(textOf('README.md'))?.[1] ?? ''
  for (const name of names) t.ok(codeIn(sentence).includes(name), `README.md: ${name}`)
})

t.test('the sizes below which nothing is tried, in sentences', async (t) => {
  const kibibytes = (engine: Engine) => Number(defaults.minimumBytes[engine]) / 1024
  const [, tls, tcp] = /below (\d+) KiB\s\((\d+) KiB for plain http;/.exec(textOf('README.md')) ?? []
  t.strictSame([tls, tcp].map(Number), [kibibytes('tls'), kibibytes('tcp')])
})

t.test('exports: the README, and a heading of docs/api.md for each', async (t) => {
  const exported = Object.keys(await import(built('index.js'))).sort()
  const inReadme = namesIn('README.md', 'Function')
  t.strictSame(inReadme.map(withoutParameters).sort(), exported)
  const headings = [...textOf('docs/api.md').matchAll(/^## (.*)$/gm)].map(([, heading]) => heading as string)
  const named = headings.filter((heading) => /^\w+(\(.*\))?$/.test(heading) && heading !== 'Environment')
  t.strictSame(named.map(withoutParameters).sort(), exported)

  const { exports } = JSON.parse(textOf('package.json')) as { exports: Record<string, unknown> }
  const entries = Object.keys(exports).filter((path) => !['.', './package.json'].includes(path))
  for (const entry of entries) {
    for (const document of ['README.md', 'docs/api.md']) {
      t.ok(textOf(document).includes(entry.replace('.', 'ktls-pipe')), `${document}: ${entry}`)
    }
  }
})

function withoutParameters(signature: string): string {
  return signature.replace(/\(.*/, '')
}

t.test('channels: their names, and the members of what they tell', async (t) => {
  const rows = rowsOf('docs/diagnostics.md', 'Channel')
  t.strictSame(
    rows.map(([name = '']) => codeIn(name)[0]),
    Object.values(channelNames),
  )
  const payload = (row: number) => membersIn(codeIn(rows[row]?.[1] ?? '')[0] ?? '')
  t.strictSame(payload(0), membersOf('SessionEvent'))
  t.strictSame(payload(1), membersOf('FallbackEvent'))
  t.strictSame([...payload(2), 'error?'], membersOf('TransferEvent'))
  const short = ['ktls-pipe:session', 'ktls-pipe:fallback', 'ktls-pipe:transfer']
  for (const name of short) t.ok(textOf('README.md').includes(`\`${name}\``), `README.md: ${name}`)
})

/** Of an interface of the source. */
function membersOf(name: string): string[] {
  const [, body = ''] = new RegExp(`^export interface ${name} {\n(.*?)^}`, 'ms').exec(sourceText) ?? []
  return [...body.matchAll(/^ {2}(\w+\??):/gm)].map(([, member]) => member as string)
}

/** Of an object as it is shown: `{ a, b?, c: 'x' | 'y' }`. */
function membersIn(shown: string): string[] {
  return shown
    .replace(/^\{ (.*) \}$/, '$1')
    .split(', ')
    .map((member) => member.replace(/:.*/, ''))
}

t.test('counters', async (t) => {
  const { fallbacks, ...rest } = getStats()
  const members = Object.entries(rest).flatMap(([group, counts]) =>
    Object.keys(counts).map((name) => `${group}.${name}`),
  )
  const documented = rowsOf('docs/diagnostics.md', 'Member').flatMap(([names = '']) => codeIn(names))
  t.strictSame(documented, [...members, 'fallbacks[reason]'])
  t.ok(fallbacks)
  const shown = rowsOf('README.md', 'Function').find(([name]) => name === '`getStats()`')?.[1] ?? ''
  const groups = [...shown.matchAll(/(\w+): \{ ([\w, ]+) \}/g)].flatMap(([, group, names = '']) =>
    names.split(', ').map((name) => `${group}.${name}`),
  )
  t.strictSame(groups, members, 'README.md')
})

t.test("the doctor's lines", async (t) => {
  const given = [
    ...sourceText.matchAll(/\b(?:pass|fail)\(\s*'([^']+)'/g),
    ...sourceText.matchAll(/requirement = '([^']+)'/g),
  ]
  const documented = rowsOf('docs/doctor.md', 'Line').flatMap(([names = '']) => names.split(', '))
  const requirements = new Set(given.map(([, name = '']) => name.replace(/^environment .*/, 'environment')))
  t.ok(requirements.size > 6)
  for (const requirement of requirements) t.ok(documented.includes(requirement), requirement)
  for (const name of documented) t.ok(sourceText.includes(`'${name}`) || sourceText.includes(`\`${name} `), name)
})

function namesIn(document: string, heading: string): string[] {
  return rowsOf(document, heading).map(([name = '']) => codeIn(name)[0] ?? '')
}
