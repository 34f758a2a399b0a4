// Every block of code in a document is run, or compared with what it is of, or says why not.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { formatFindings } from '../../src/doctor/format.js'
import { FALLBACK_REASONS, type FallbackReason } from '../../src/fallback-reason.js'
import { built, root, runNode, runScript } from './fixtures/child.js'
import { type Block, blocksOf, documents, inlineCommandsOf, rowsOf, textOf } from './fixtures/documents.js'
import { checkCommand, isOfProject } from './fixtures/project-commands.js'
import { type Command, commandsIn } from './fixtures/shell-commands.js'

const blocks = documents.flatMap(blocksOf)
const player = join(root, 'test/unit/fixtures/play-fragment.mjs')

t.test('every fence belongs to a block that was read, and every excuse too', async (t) => {
  for (const document of documents) {
    const text = textOf(document)
    const own = blocksOf(document)
    t.equal(text.match(/^ *```/gm)?.length ?? 0, 2 * own.length, document)
    t.equal(text.match(/^ *<!-- not run/gm)?.length ?? 0, own.filter(({ excuse }) => excuse).length, document)
  }
  t.ok(blocks.length > 40)
})

t.test('programs run', async (t) => {
  const folder = mkdtempSync(join(root, 'test-build-')) // in the project, where the package is found by its name
  t.teardown(() => rmSync(folder, { recursive: true }))
  const programs = blocks.filter(({ language, excuse }) => language === 'js' && excuse === undefined)
  t.ok(programs.length >= 12)
  for (const [index, { place, text }] of programs.entries()) {
    const path = join(folder, `${index}.mjs`)
    writeFileSync(path, text)
    const isWhole = place.startsWith('docs/api.md')
    const { code, stdout, stderr } = await runNode(isWhole ? [path] : [player, path])
    t.strictSame({ code, stderr }, { code: 0, stderr: '' }, place)
    comparePrinted(t, text, stdout, place)
  }
})

/** What a program is said to print stands below it. It depends on the machine, so its form is what is compared. */
function comparePrinted(t: Test, program: string, stdout: string, place: string): void {
  const said = [...program.matchAll(/^\/\/ (\{.*\})$/gm)].map(([, line]) => line as string)
  if (said.length === 0) return
  const state =
    /^\{ encryption: '(kernel|userspace|none)', bytesOffloaded: \d+(?:, fallbackReason: '([a-z0-9-]+)')? \}$/
  for (const line of [...said, stdout.trim()]) {
    const match = state.exec(line)
    t.ok(match, `${place}: ${line}`)
    const reason = match?.[2]
    if (reason !== undefined) t.ok(isReason(reason), `${place}: ${reason}`)
  }
}

t.test('commands are there, take their options, and are run where that is quick', async (t) => {
  const scripts = blocks.filter(({ language }) => language === 'sh')
  t.ok(scripts.length > 8)
  for (const { place, text, excuse } of scripts) {
    const commands = commandsIn(text)
    t.ok(commands.length > 0, place)
    for (const command of commands.filter(isOfProject)) await resolves(t, command, place)
    const others = commands.filter((command) => !isOfProject(command)).map(({ words }) => words.join(' '))
    if (excuse === undefined) t.strictSame(others, [], `${place}: nobody checks these, so it has to say why not`)
    else t.not(others.length, 0, `${place}: all of it is checked, so it needs no excuse`)
  }
})

t.test('so are those in sentences', async (t) => {
  let checked = 0
  for (const document of documents) {
    for (const code of inlineCommandsOf(document)) {
      for (const command of commandsIn(code).filter(isOfProject)) await resolves(t, command, `${document}: ${code}`)
      checked++
    }
  }
  t.ok(checked > 20)
})

async function resolves(t: Test, command: Command, place: string): Promise<void> {
  await checkCommand(command).then(
    () => t.pass(place),
    (error: Error) => t.fail(`${place}: ${error.message}`),
  )
}

t.test('what is printed, and drawings', async (t) => {
  for (const block of blocks.filter(({ language }) => language === '')) {
    const compare = comparisons.find(({ fits }) => fits.test(block.text))?.compare
    if (compare === undefined) t.ok(block.excuse, `${block.place}: nothing compares it, so it has to say why not`)
    else t.notOk(block.excuse, `${block.place}: it is compared, so it needs no excuse`)
    await compare?.(t, block)
  }
})

t.test('there is no other kind of block', async (t) => {
  for (const { place, language } of blocks) t.ok(['js', 'sh', ''].includes(language), `${place}: ${language}`)
})

const comparisons: { fits: RegExp; compare: (t: Test, block: Block) => Promise<void> | void }[] = [
  { fits: /^ktls-pipe: /, compare: compareLog },
  { fits: /^\$ .*ktls-pipe doctor/, compare: compareTranscript },
  { fits: /^src\/\w+\/ /, compare: compareHouse },
]

/** A log: the same events are published, and what is written is compared. */
async function compareLog(t: Test, { place, text }: Block): Promise<void> {
  const line =
    /^ktls-pipe: (?<path>.+): (?:(?<bytesSent>\d+) bytes by (?<by>kernel TLS|sendfile)(?:, then (?<error>.+))?|by Node \((?<reason>.+)\))$/
  const events = text
    .trimEnd()
    .split('\n')
    .map((each) => line.exec(each)?.groups ?? (each.startsWith('ktls-pipe: installed') ? { installs: true } : each))
  for (const event of events) t.not(typeof event, 'string', `${place}: ${JSON.stringify(event)}`)
  for (const { reason } of events as Record<string, string>[]) if (reason) t.ok(isReason(reason), `${place}: ${reason}`)
  const publishAll = `
    import { channel, tracingChannel } from 'node:diagnostics_channel'
    const { install } = await import(${JSON.stringify(built('index.js'))})
    const transfer = tracingChannel('ktls-pipe:transfer')
    for (const { installs, path, bytesSent, by, error, reason } of ${JSON.stringify(events)}) {
      if (installs) {
        install()
        continue
      }
      const event = { source: { path }, engine: by === 'sendfile' ? 'tcp' : 'tls', bytesSent }
      if (reason) channel('ktls-pipe:fallback').publish({ ...event, reason })
      else if (error) transfer.error.publish({ ...event, error: new Error(error) })
      else transfer.asyncEnd.publish(event)
    }`
  const { stderr } = await runScript(publishAll, { environment: { KTLS_PIPE_LOG: '1' } })
  t.equal(stderr, text, place)
}

/** One of the doctor's: in its own words, of lines that the document explains, and of a situation that is still played. */
function compareTranscript(t: Test, { place, text }: Block): void {
  const [, command = '', body = '', exitCode] = /^\$ (.*)\n([\s\S]*)\n\$ echo \$\?\n(\d)\n$/.exec(text) ?? []
  t.ok(textOf('scripts/doctor-transcripts.mjs').includes(`shown: '${command}'`), `${place}: ${command}`)
  const lines = body.split('\n')
  const verdict = lines.at(-1) ?? ''
  const findings = [...body.matchAll(/^(ok {2}|FAIL) (.+?): (.*)(?:\n {5}fix: (.*))?$/gm)].map(
    ([, mark, requirement = '', found = '', fix]) => ({
      ...{ requirement, found, ok: mark !== 'FAIL' },
      ...(fix === undefined ? {} : { fix }),
    }),
  )
  const reason = /^Kernel TLS is not used \((.*?)\)/.exec(verdict)?.[1] as FallbackReason | undefined
  const report = { support: { reason } } as Parameters<typeof formatFindings>[1]
  t.equal(
    body,
    formatFindings(findings, report, (_color, each) => each),
    place,
  )
  t.equal(exitCode, findings.every(({ ok }) => ok) ? '0' : '1', place)
  const explained = rowsOf('docs/doctor.md', 'Line').flatMap(([names = '']) => names.split(', '))
  for (const { requirement } of findings) {
    t.ok(explained.includes(requirement.replace(/^environment .*/, 'environment')), `${place}: ${requirement}`)
  }
}

/** The folders of the source, alike in all documents. */
function compareHouse(t: Test, { place, text }: Block): void {
  const folders = text.match(/[a-z]+\/(?:[a-z]+\/)?/g) ?? []
  t.ok(folders.length > 4, place)
  for (const folder of folders) t.ok(existsSync(join(root, folder)), `${place}: ${folder}`)
  const first = blocks.find((other) => /^src\/\w+\/ /.test(other.text))
  t.equal(text, first?.text, place)
}

t.test('each of these comparisons is made', async (t) => {
  for (const { fits } of comparisons)
    t.ok(
      blocks.some(({ text }) => fits.test(text)),
      String(fits),
    )
})

function isReason(text: string): boolean {
  return (FALLBACK_REASONS as readonly string[]).includes(text)
}
