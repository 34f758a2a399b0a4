// The package as npm would publish it, and as somebody else would install it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { temporaryFolder } from './files.js'
import { projectFile } from './project.js'

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** What tap and npm add to the environment of a test that they run. */
const added =
  /^(TAP|_TAPJS|NODE_OPTIONS$|NODE_V8_COVERAGE$|KTLS_PIPE_(?!CACHE)|INIT_CWD$|npm_(?!config_)|npm_config_(node_gyp|local_prefix|global_prefix)$)/

/**
 * Runs a program as a person would in a shell; by way of env(1), because tap adds to whatever is spawned. `changes`: to
 * the environment.
 */
export async function runClean(
  cwd: string,
  command: string,
  args: string[],
  changes: Record<string, string> = {},
): Promise<Ended> {
  const environment = Object.entries(process.env).filter(([name]) => !added.test(name) && !(name in changes))
  const words = [...environment, ...Object.entries(changes)].map(([name, value]) => `${name}=${value}`)
  const child = spawn('env', ['-i', ...words, command, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code, stdout, stderr }
}

/** The same, where anything but success is a failure of the test. */
export async function runCleanWell(
  t: Test,
  cwd: string,
  command: string,
  args: string[],
  changes: Record<string, string> = {},
): Promise<string> {
  const { code, stdout, stderr } = await runClean(cwd, command, args, changes)
  t.equal(code, 0, `${[command, ...args].join(' ')}: ends well`, { stdout, stderr })
  return stdout
}

export interface Tarball {
  path: string
  files: string[]
}

export async function pack(t: Test): Promise<Tarball> {
  const folder = temporaryFolder(t)
  const stdout = await runCleanWell(t, projectFile(), 'npm', ['pack', '--json', '--pack-destination', folder])
  const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }]
  return { path: join(folder, filename), files: files.map(({ path }) => path) }
}

/** An empty project with the package, and others, as its only dependencies; no compiler is to be found meanwhile. */
export async function installInEmptyFolder(t: Test, tarball: Tarball, others: string[] = []): Promise<string> {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  const quietly = ['--no-audit', '--no-fund', '--prefer-offline']
  const npm = (await runCleanWell(t, folder, 'sh', ['-c', 'command -v npm'])).trim()
  await runCleanWell(t, folder, npm, ['install', ...quietly, tarball.path, ...others], withoutCompiler(t))
  return folder
}

/** A PATH with Node.js, a shell and env(1), and nothing else. */
export function withoutCompiler(t: Test): { PATH: string } {
  const folder = temporaryFolder(t)
  symlinkSync(process.execPath, join(folder, 'node'))
  for (const name of ['sh', 'env']) symlinkSync(`/usr/bin/${name}`, join(folder, name))
  return { PATH: folder }
}

/** Whether the tarball brings a binary for this machine. */
export const bringsBinary = existsSync(projectFile('native', 'prebuilds', `linux-${process.arch}`))

/** Options of a test that means nothing without it. */
export const onlyWithBinary: { skip?: string } =
  bringsBinary || process.env.KTLS_PIPE_EXPECTED === '1'
    ? {}
    : { skip: 'the tarball brings no binary: npm run prebuilds, on Debian 12 or 13' }
