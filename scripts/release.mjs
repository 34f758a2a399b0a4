// `npm run release`: makes the tarball of this version, checked. To publish it is a person's act.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './common/programs.mjs'
import { Progress } from './common/progress.mjs'
import { prebuiltPath, targets } from './prebuilds/targets.mjs'

const root = join(import.meta.dirname, '..')
const progress = new Progress(process.stderr)
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

try {
  expectTag()
  await expectCommitted()
  expectChangelog()
  await npm('run', '--silent', 'lint')
  await npm('run', '--silent', 'test:full') // builds all of it, the binaries too
  const { path, files } = await pack()
  for (const { arch } of targets) {
    if (!files.includes(prebuiltPath(arch)))
      throw new Error(`The tarball lacks ${prebuiltPath(arch)}: npm run prebuilds.`)
  }
  progress.end()
  const bytes = readFileSync(path)
  console.log(`${path}
${bytes.length} bytes, ${files.length} files, SHA-256 ${createHash('sha256').update(bytes).digest('hex')}
To publish it: npm publish ${path} --provenance --access public; git tag v${version}`)
} catch (error) {
  progress.end()
  console.error(/** @type {Error} */ (error).message)
  process.exitCode = 1
}

/** The workflow is started by one. */
function expectTag() {
  const { GITHUB_REF_TYPE, GITHUB_REF_NAME } = process.env
  if (GITHUB_REF_TYPE !== 'tag' || GITHUB_REF_NAME === `v${version}`) return
  throw new Error(`The tag is ${GITHUB_REF_NAME}, and package.json says ${version}.`)
}

async function expectCommitted() {
  const changes = await run('git', ['status', '--porcelain'], { cwd: root })
  if (changes !== '') throw new Error(`What is released must be committed:\n${changes}`)
}

function expectChangelog() {
  const heading = new RegExp(`^## ${version.replaceAll('.', '\\.')} \\(\\d{4}-\\d{2}-\\d{2}\\)$`, 'm')
  if (heading.test(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'))) return
  throw new Error(`CHANGELOG.md has no heading "## ${version} (YYYY-MM-DD)".`)
}

/** @param {string[]} words */
async function npm(...words) {
  progress.step(`npm ${words.join(' ')}`)
  return await run('npm', words, { cwd: root })
}

/** @returns {Promise<{ path: string, files: string[] }>} */
async function pack() {
  const [{ filename, files }] = JSON.parse(await npm('pack', '--json'))
  return { path: join(root, filename), files: files.map((/** @type {{ path: string }} */ { path }) => path) }
}
