// node program-runner.mjs JSON: runs test programs one after the other and tells what they say and how they end, each
// event as a line of JSON. In the virtual machine it is the one command; elsewhere it is not needed.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChild } from './child-process.mjs'

/**
 * @typedef {object} Program
 * @property {string} name
 * @property {string} command
 * @property {string[]} args
 * @property {number} timeoutMs
 */

/**
 * @typedef {{ begin: string } | { stdout: string } | { stderr: string } | ({ end: string, seconds: number } &
 *   import('./child-process.mjs').Ended)} ProgramEvent
 */

/** @param {ProgramEvent} event */
function tell(event) {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}

/** @param {Program} program */
async function run({ name, command, args, timeoutMs }) {
  tell({ begin: name })
  const startedAt = performance.now()
  const folder = mkdtempSync(join(tmpdir(), 'ktls-pipe-program-'))
  const ended = await runChild(command, args, {
    env: { ...process.env, TMPDIR: folder },
    timeoutMs,
    onStdout: (stdout) => tell({ stdout }),
    onStderr: (stderr) => tell({ stderr }),
  })
  rmSync(folder, { recursive: true, force: true }) // memory is short in the virtual machine
  tell({ end: name, seconds: (performance.now() - startedAt) / 1000, ...ended })
}

for (const program of JSON.parse(process.argv[2])) await run(program)
