// Functions of Node's that an application has replaced by its own, for all streams: they see every byte, and what they
// make of it is what arrives.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { temporaryFolder, writeRandomFile } from '../support/files.js'
import { projectFile } from '../support/project.js'
import { runWell } from '../support/run-program.js'

const program = projectFile('test/support/replacing-program.mjs')
const size = 3 * 1024 * 1024 + 17
const functions = [
  'fs.read',
  'FileHandle.read',
  'Readable.push',
  'EventEmitter.emit',
  'OutgoingMessage.write',
  'Socket.write',
  'Socket._write',
]

for (const name of functions) {
  t.test(name, async (t) => {
    const { path } = writeRandomFile(temporaryFolder(t), size)
    const flipped = readFileSync(path).map((byte) => byte ^ 1)
    const expected = {
      bytesSeen: { fromFiles: size },
      bytes: size,
      sha256: createHash('sha256').update(flipped).digest('hex'),
      complete: true,
    }
    for (const when of ['never', 'before', 'after']) {
      t.same(await run(t, [name, path, when]), expected, `the package is imported ${when}`)
    }
  })
}

async function run(t: Test, args: string[]): Promise<unknown> {
  const peer = { command: process.execPath, args: [program], env: process.env as Record<string, string> }
  return JSON.parse(String(await runWell(t, peer, args)))
}
