// Tells a wrong build from a right one: makes small mistakes in a copy of the project, one at a time, builds it, and runs
// the test that has to notice. `npm run test:wrong-builds [-- LETTER...]`. Ends non-zero if a mistake goes unnoticed.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { mistakes } from './wrong-builds/mistakes.mjs'

const root = join(import.meta.dirname, '..')
const left = new Set(['node_modules', '.git', '.tap'])

// What is built here is right, and in each copy only what the mistake is in is built again.
for (const command of [
  ['npm', 'run', '--silent', 'build'],
  ['make', '--silent', '-C', 'native/test', 'program'],
]) {
  const built = run(root, command)
  if (built.status !== 0) throw new Error(`${command.join(' ')} failed:\n${tail(built)}`)
}

const wanted = process.argv.slice(2)
const chosen = mistakes.filter(({ letter }) => wanted.length === 0 || wanted.includes(letter))
expectGreenWithoutMistakes()
const results = chosen.map(tell)
const unnoticed = results.filter(({ noticed }) => !noticed).length
console.log(`${results.length - unnoticed} passed, ${unnoticed} failed`)
process.exitCode = unnoticed === 0 && results.length > 0 ? 0 : 1

/** A test that fails anyway would seem to notice everything. */
function expectGreenWithoutMistakes() {
  const all = new Map(chosen.map(testArguments).map((args) => [args.join(' '), args]))
  for (const [words, args] of all) {
    console.error(`without a mistake: ${words}`)
    const test = runTests(root, args)
    if (test.status !== 0) throw new Error(`${words} fails without a mistake:\n${tail(test)}`)
  }
}

function tell(mistake) {
  const result = tryMistake(mistake)
  const { noticed, detail } = result
  console.log(`${noticed ? 'noticed  ' : 'UNNOTICED'} (${mistake.letter}) ${mistake.what}: ${mistake.test}${detail}`)
  return result
}

function tryMistake(mistake) {
  console.error(`(${mistake.letter}) ${mistake.what}`)
  const copy = mkdtempSync(join(tmpdir(), 'ktls-pipe-wrong-'))
  try {
    cpSync(root, copy, {
      recursive: true,
      verbatimSymlinks: true,
      preserveTimestamps: true,
      filter: (source) => !left.has(basename(source)),
    })
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
    const complaint = makeMistake(join(copy, mistake.file), mistake.from, mistake.to)
    if (complaint) return { mistake, noticed: false, detail: ` (${complaint})` }
    const build = run(copy, buildCommand(mistake))
    // A mistake that does not compile proves nothing about the tests.
    if (build.status !== 0) return { mistake, noticed: false, detail: ` (does not build)\n${tail(build)}` }
    const test = runTests(copy, testArguments(mistake))
    // A machine that did not start has noticed nothing.
    const didRun = !/ > (was not run|was cut off|ran no tests)|^ {2}the test command:/m.test(test.stdout)
    const failed = didRun && /^\d+ passed, [1-9]\d* failed$/m.test(test.stdout)
    return { mistake, noticed: test.status !== 0 && failed, detail: failed ? '' : `\n${tail(test)}` }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

function buildCommand({ file }) {
  if (file.startsWith('native/')) return ['make', '--silent', '-C', 'native/build', 'BUILDTYPE=Release']
  return ['npm', 'run', '--silent', 'build:typescript']
}

// The native tests are one program.
function testArguments({ suite = 'kernel', kernel, test }) {
  const where = ['--only', suite, ...(kernel ? ['--kernel', kernel] : [])]
  return suite === 'native' ? where : [...where, '--grep', test]
}

function runTests(folder, args) {
  return run(folder, ['node', 'scripts/test.mjs', '--no-build', ...args])
}

function makeMistake(file, from, to) {
  const text = readFileSync(file, 'utf8')
  if (text.split(from).length !== 2) return `its file does not hold exactly once: ${from}`
  writeFileSync(
    file,
    text.replace(from, () => to),
  )
  return undefined
}

function run(cwd, [command, ...args]) {
  return spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
}

function tail({ stdout, stderr }) {
  return `${stdout}${stderr}`.split('\n').slice(-15).join('\n')
}
