// Makes plain programs of the unit tests, in Stryker's copy of the project: each runs some thousand times.

import { join } from 'node:path'
import { compileTests } from '../../scripts/test/compile.mjs'
import { testFiles } from '../../scripts/test/session.mjs'

const root = join(import.meta.dirname, '../..')
const files = ['unit/pipe', 'unit/socket']
  .flatMap((folder) => testFiles(root, folder, {}))
  .filter((file) => !file.endsWith('-copies.test.ts')) // loads the source a second time

await compileTests(
  root,
  files.map((file) => `test/${file}`),
  { keepNames: true }, // some are looked at
)
