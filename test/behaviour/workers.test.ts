// Worker threads: each has its own hooks and counters, and the sender is the process's.

import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { temporaryFolder, writeRandomFile } from '../support/files.js'
import { projectFile } from '../support/project.js'
import { runProgram } from '../support/run-program.js'
import { timeLimitMs } from '../support/time-limit.js'

t.setTimeout(timeLimitMs)

// What a Worker's last calls of the addon cannot have any more once ended the process (SIGABRT), in one of thirty.
t.test(
  'Workers that are terminated while they serve files leave the process alive, and its threads as they were',
  async (t) => {
    const { path } = writeRandomFile(temporaryFolder(t), 300_001)
    const program = {
      command: process.execPath,
      args: [projectFile('test/support/ending-workers.mjs')],
      env: process.env,
    }
    const { code, output, stderr } = await runProgram(program, ['60', path], buffer)
    t.equal(code, 0, 'the process ends well', { stderr })
    t.equal(stderr, '')
    t.strictSame(JSON.parse(output.toString() || 'null'), { senders: 1 })
  },
)
