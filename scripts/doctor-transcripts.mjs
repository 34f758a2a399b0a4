// `npm run docs:doctor`: the transcripts in docs/doctor.md, from runs here and on Linux 6.12 in the virtual machine.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeBinary } from '../kernel-vm/node-versions.mjs'
import { runInKernel } from '../kernel-vm/run.mjs'
import { buildPackage } from './common/npm.mjs'
import { runWithBothOutputs } from './common/programs.mjs'

const root = join(import.meta.dirname, '..')
const document = join(root, 'docs/doctor.md')
const kernel = '6.12'
const nobody = 65534
const timeoutMs = 3 * 60_000
const publicNode = '/usr/local/bin/node'
const doctor = ['dist/cli.js', 'doctor']

/**
 * @typedef {object} Situation
 * @property {string} title
 * @property {string} shown the command as it is shown
 * @property {string[]} [flags] of node
 * @property {Record<string, string>} [env]
 * @property {boolean} [loaded] the kernel's tls module
 * @property {number} [uid]
 */

/** @type {(Situation & { here?: boolean })[]} */
const situations = [
  { title: 'A machine whose kernel has no TLS', shown: 'npx ktls-pipe doctor', here: true },
  { title: 'The module is not loaded', shown: 'npx ktls-pipe doctor', uid: nobody },
  { title: 'The module is not loaded, and root asks', shown: 'sudo npx ktls-pipe doctor' },
  { title: 'All is well', shown: 'npx ktls-pipe doctor', loaded: true, uid: nobody },
  {
    title: 'Addons are forbidden',
    shown: 'node --no-addons node_modules/.bin/ktls-pipe doctor',
    flags: ['--no-addons'],
    loaded: true,
    uid: nobody,
  },
  {
    title: 'The permission model is on',
    shown: 'node --permission "--allow-fs-read=*" node_modules/.bin/ktls-pipe doctor',
    flags: ['--permission', '--allow-fs-read=*'],
    loaded: true,
    uid: nobody,
  },
  {
    title: 'A variable is malformed',
    shown: 'KTLS_PIPE_TLS_MINIMUM_BYTES=64k npx ktls-pipe doctor',
    env: { KTLS_PIPE_TLS_MINIMUM_BYTES: '64k' },
    loaded: true,
    uid: nobody,
  },
]

await buildPackage()
const node = await nodeBinary(22)
const sections = []
for (const situation of situations) {
  console.error(situation.title)
  const { output, exitCode } = await (situation.here ? runHere() : runThere(situation))
  const { title, shown } = situation
  sections.push(`### ${title}\n\n\`\`\`\n$ ${shown}\n${output.trim()}\n$ echo $?\n${exitCode}\n\`\`\`\n`)
}
const [before, , after] = readFileSync(document, 'utf8').split(/(?<=<!-- transcripts -->\n)([\s\S]*)(?=<!-- end -->)/)
writeFileSync(document, `${before}\n${sections.join('\n')}\n${after}`)

async function runHere() {
  const words = ['-c', '"$0" dist/cli.js doctor; echo $?', node]
  const { stdout } = await runWithBothOutputs('sh', words, { cwd: root })
  const [, output, exitCode] = /^([\s\S]*)\n(\d+)\n$/.exec(stdout) ?? []
  return { output, exitCode: Number(exitCode) }
}

/** @param {Situation} situation */
async function runThere({ flags = [], env = {}, loaded = false, uid }) {
  const as = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups']
  const { exitCode, stdout, stderr } = await runInKernel({
    kernel,
    // This machine may be a container, whose mark the virtual machine would inherit; and the cache may be in a folder
    // that others may not enter.
    command: 'sh',
    args: ['-c', `rm -f /.dockerenv; cp "$0" ${publicNode}; exec "$@"`, node, ...as, publicNode, ...flags, ...doctor],
    cwd: root,
    env,
    ...(loaded ? {} : { modules: [] }),
    timeoutMs,
  })
  return { output: stdout + stderr, exitCode }
}
