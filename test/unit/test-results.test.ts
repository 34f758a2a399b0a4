// What the test command makes of what tests print: nothing that went wrong, or did not happen, may look like a success.

import t from 'tap'
import { load } from './fixtures/documents.js'

interface Tally {
  passed: number
  failures: { name: string; comments: string[] }[]
  skips: { name: string; reason: string }[]
}

interface Events {
  write(text: string): void
  finish(): void
}

const { atOnce } = (await load('scripts/common/at-once.mjs')) as {
  atOnce<Item>(limit: number, items: Item[], action: (item: Item) => Promise<void>): Promise<void>
}
const { ProgramEvents } = (await load('scripts/test/program-events.mjs')) as {
  ProgramEvents: new (options: {
    files: string[]
    onBegin(): void
    onEnd(file: string, tally: Tally): void
    mayBeEmpty: boolean
  }) => Events
}
const { ProgramResults } = (await load('scripts/test/program-results.mjs')) as {
  ProgramResults: new () => { stdout(text: string): void; end(ending: object): Tally }
}

const ended = { exitCode: 0, signal: null, timedOut: false }

/** What a program came to that printed this, and how it ended. */
function judge(lines: string[], ending: Partial<typeof ended> = {}): Tally {
  const results = new ProgramResults()
  results.stdout(['TAP version 14', ...lines, ''].join('\n'))
  return results.end({ ...ended, ...ending })
}

const namesOf = ({ failures }: Tally) => failures.map(({ name }) => name)

t.test('leaves are counted', async (t) => {
  const tally = judge(['# Subtest: one', '    ok 1 - a', '    ok 2 - b', '    1..2', 'ok 1 - one', 'ok 2 - c', '1..2'])
  t.equal(tally.passed, 3)
  t.strictSame(namesOf(tally), [])
})

t.test('a subtest that asserts nothing has failed', async (t) => {
  const tally = judge(['# Subtest: one', '    1..0', 'ok 1 - one', 'ok 2 - b', '1..2'])
  t.equal(tally.passed, 1)
  t.strictSame(namesOf(tally), ['one asserts nothing'])
})

t.test('unless it is skipped, with its reason', async (t) => {
  const { skips, failures } = judge(['# Subtest: one', '    1..0', 'ok 1 - one # SKIP no kernel', 'ok 2 - b', '1..2'])
  t.strictSame(skips, [{ name: 'one', reason: 'no kernel' }])
  t.equal(failures.length, 0)
})

t.test('a failure has the seed that was told before it, on each level, and what was told below it', async (t) => {
  const { failures } = judge(
    [
      '# Subtest: one',
      '    # SEED=1',
      '    # Subtest: two',
      '        # SEED=2',
      '        ok 1 - a',
      '        # of a',
      '        not ok 2 - b',
      '        # of b',
      '        1..2',
      '    not ok 1 - two',
      '    1..1',
      'not ok 1 - one',
      '1..1',
    ],
    { exitCode: 1 },
  )
  t.equal(failures.length, 1)
  t.match(failures[0], { name: 'one > two > b', comments: ['SEED=1', 'SEED=2', 'of b'] })
  t.equal(failures[0]?.comments.length, 3)
})

t.test('how a program ends', async (t) => {
  t.strictSame(namesOf(judge(['ok 1 - a', '1..1'], { exitCode: 1 })), ['failed with exit code 1'])
  t.strictSame(namesOf(judge(['1..0'])), ['ran no tests'])
  t.strictSame(namesOf(judge(['ok 1 - a', '1..1'], { timedOut: true })), ['took too long, and was ended'])
  t.match(namesOf(judge(['ok 1 - a', '1..2'])), [/^malformed TAP/], 'with fewer results than it promised')
})

t.test('a runner that ends too early, or whose events are spoilt', async (t) => {
  const results = new Map<string, Tally>()
  const events = new ProgramEvents({
    files: ['whole', 'spoilt', 'never'],
    onBegin() {},
    onEnd: (file, tally) => results.set(file, tally),
    mayBeEmpty: false,
  })
  const play = (file: string) => [
    { begin: file },
    { stdout: 'TAP version 14\nok 1 - a\n1..1\n' },
    { ...ended, seconds: 1 },
  ]
  for (const event of play('whole')) events.write(`${JSON.stringify(event)}\n`)
  for (const event of play('spoilt'))
    events.write(`${JSON.stringify(event)}\n`.replace('{"exitCode"', 'kernel says {"exitCode"'))
  events.finish()
  t.strictSame([...results.keys()].sort(), ['never', 'spoilt', 'whole'])
  t.equal(results.get('whole')?.passed, 1)
  t.match(namesOf(results.get('spoilt') as Tally), [/^was cut off/])
  t.match(namesOf(results.get('never') as Tally), [/^was not run/])
})

t.test('several at once all end, and the first error is thrown then', async (t) => {
  const done: number[] = []
  const action = async (item: number) => {
    if (item === 2) throw new Error('two')
    done.push(item)
  }
  await t.rejects(atOnce(2, [1, 2, 3, 4, 5], action), { message: 'two' })
  t.strictSame(done, [1, 3, 4, 5])
})
