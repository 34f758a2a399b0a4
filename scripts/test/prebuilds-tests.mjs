// The binaries that the tarball brings: built here, and that for another processor tried in an emulator. What they ask of
// a system, test/package/prebuilds.test.ts looks up.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { machineRelease } from '../../kernel-vm/debian/tool.mjs'
import { nodeBinary } from '../../kernel-vm/node-versions.mjs'
import { run } from '../common/programs.mjs'
import { prebuild } from '../prebuilds/build.mjs'
import { compilerEnvironment } from '../prebuilds/compiler.mjs'
import { emulator } from '../prebuilds/emulator.mjs'
import { prebuiltPath, targets } from '../prebuilds/targets.mjs'
import { nativeTestProgram } from './native-tests.mjs'
import { failed, passed, runTestProgram } from './program-results.mjs'
import { testFiles } from './session.mjs'

const timeoutMs = 10 * 60_000
const node = 22
/** Tests of the native program whose results are vectors: the same on every processor. */
const vectorTests = ['key schedule', 'record protection', 'traffic secret', 'secret:']

/** Loads the addon, and has the sender send a file over plain TCP. */
const sendByAddon = `
import 'ktls-pipe/register'
import { createReadStream, readFileSync } from 'node:fs'
import { createServer, get } from 'node:http'
import { getStats, inspectSupport } from 'ktls-pipe'
const path = process.argv[1]
const { addon } = await inspectSupport()
const server = createServer((request, response) => createReadStream(path).pipe(response)).listen(0, '127.0.0.1', () => {
  get({ port: server.address().port, host: '127.0.0.1', agent: false }, async (response) => {
    const intact = Buffer.concat(await response.toArray()).equals(readFileSync(path))
    server.close()
    const { arch } = process
    const { transfers: { tcp } } = getStats()
    console.log(JSON.stringify({ arch, addon, intact, tcp }))
  })
})
`
const expected = JSON.stringify({ arch: 'arm64', addon: { loaded: true }, intact: true, tcp: 1 })

/** @param {import('./session.mjs').Session} session */
export async function runPrebuilds(session) {
  const { root, report, progress, remarks } = session
  if (testFiles(root, 'package', session.options).length === 0) return
  if (machineRelease() === undefined || process.arch !== 'x64') {
    remarks.push('The prebuilt binaries were not built: that is done on Debian 12 or 13, on x64.')
    return
  }
  const line = report.beginLine('prebuilt binaries')
  for (const target of targets) {
    progress.step(`prebuilt binary for ${target.arch}`)
    await attempt(line, `build for ${target.arch}`, async () => {
      if (session.options.build || !existsSync(join(root, prebuiltPath(target.arch)))) await prebuild(root, target)
      return passed()
    })
    if (target.arch !== process.arch) {
      progress.step(`${target.arch} in an emulator`)
      await attempt(line, `vectors on ${target.arch}`, () => runVectors(root, target))
      await attempt(line, `a file sent by Node.js ${node} on ${target.arch}`, () => runAddon(root, target))
    }
  }
  line.end()
}

/**
 * @param {ReturnType<import('./report.mjs').Report['beginLine']>} line
 * @param {string} name
 * @param {() => Promise<import('./tap-tally.mjs').Tally>} action
 */
async function attempt(line, name, action) {
  const startedAt = performance.now()
  const seconds = () => (performance.now() - startedAt) / 1000
  try {
    line.add(name, await action(), seconds())
  } catch (error) {
    line.add(name, failed('could not be done'), seconds(), /** @type {Error} */ (error).message)
  }
}

/** @type {(root: string, target: import('../prebuilds/targets.mjs').Target) => Promise<import('./tap-tally.mjs').Tally>} */
async function runVectors(root, target) {
  const { CXX, LDFLAGS, LD_LIBRARY_PATH } = await compilerEnvironment(target)
  const environment = { ...process.env, ...(LD_LIBRARY_PATH ? { LD_LIBRARY_PATH } : {}) }
  const words = [`VARIANT=${target.arch}`, `CXX=${CXX}`, `LDFLAGS=${LDFLAGS}`]
  await run('make', ['-C', join(root, 'native/test'), '-j2', 'program', ...words], {
    env: environment,
    timeout: timeoutMs,
  })
  const { command, args, env } = await emulator(target)
  const program = [...args, nativeTestProgram(root, target.arch), ...vectorTests]
  return (
    await runTestProgram(command, program, {
      cwd: root,
      env: { ...env, KTLS_PIPE_EXPECTED: '1' }, // its libcrypto comes with the emulator
      timeoutMs,
    })
  ).tally
}

/** @type {(root: string, target: import('../prebuilds/targets.mjs').Target) => Promise<import('./tap-tally.mjs').Tally>} */
async function runAddon(root, { arch, ...target }) {
  const { command, args, env } = await emulator({ arch, ...target })
  const binary = await nodeBinary(node, arch)
  const words = ['--input-type=module', '--eval', sendByAddon, join(root, prebuiltPath(arch))]
  // A build of the developer's own is for this machine's processor, and would be taken first.
  const only = { PREBUILDS_ONLY: '1', KTLS_PIPE_TCP_MINIMUM_BYTES: '0' }
  const options = { cwd: root, env: { ...env, ...only }, timeout: timeoutMs }
  const answer = await run(command, [...args, binary, ...words], options)
  return answer.trim() === expected ? passed() : failed(`it said ${answer.trim()}, not ${expected}`)
}
