// What is published: the right files, entry points and types that every resolver finds.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { pack, runClean } from '../support/packed-package.js'
import { projectFile } from '../support/project.js'

const tool = (name: string) => projectFile('node_modules', '.bin', name)

t.test('the tarball', async (t) => {
  const tarball = await pack(t)
  const { main, module, types, bin, exports } = JSON.parse(readFileSync(projectFile('package.json'), 'utf8'))

  await t.test('has what it needs and nothing else', async (t) => {
    const entries = [main, module, types, bin['ktls-pipe'], ...JSON.stringify(exports).matchAll(/\.\/[\w./]+/g)]
    const files = entries.map((entry) => String(entry).replace(/^\.\//, '')).filter((file) => /\.\w+$/.test(file))
    for (const file of new Set(files)) t.ok(tarball.files.includes(file), file)
    for (const file of [
      'LICENSE',
      'README.md',
      'CHANGELOG.md',
      'THIRD-PARTY-NOTICES',
      'docs/doctor.schema.json',
      'native/binding.gyp',
      'scripts/build-native.mjs',
    ]) {
      t.ok(tarball.files.includes(file), file)
    }
    const expected =
      /^((dist|docs)\/[\w.-]+|native\/(\w+\/)?\w+\.(cc|h)|native\/(binding\.gyp|exports\.map|prebuilds\/linux-\w+\/ktls\.glibc\.node)|[A-Z-]+(\.md)?|package\.json|scripts\/build-native\.mjs)$/
    t.same(
      tarball.files.filter((file) => !expected.test(file) || /^native\/(build|test)\//.test(file)),
      [],
      'no tests, no sources, no builds',
    )
  })

  await t.test('publint has nothing to say', async (t) => {
    const { code, stdout } = await runClean(projectFile(), tool('publint'), ['run', '--strict', tarball.path])
    t.equal(code, 0, stdout)
    t.match(stdout, /All good!/)
  })

  await t.test('attw finds the types for every resolution since Node 16', async (t) => {
    const { code, stdout } = await runClean(projectFile(), tool('attw'), ['--profile', 'node16', tarball.path])
    t.equal(code, 0, stdout)
  })
})
