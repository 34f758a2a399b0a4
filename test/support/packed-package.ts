// The package as npm would publish it, and as somebody else would install it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
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

/** Runs a program as a person would in a shell; by way of env(1), because tap adds to whatever is spawned. */
export async function runClean(cwd: string, command: string, args: string[]): Promise<Ended> {
  const environment = Object.entries(process.env).filter(([name]) => !added.test(name))
  const words = environment.map(([name, value]) => `${name}=${value}`)
  const child = spawn('env', ['-i', ...words, command, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code, stdout, stderr }
}

/** The same, where anything but success is a failure of the test. */
export async function runCleanWell(t: Test, cwd: string, command: string, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runClean(cwd, command, args)
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

/** An empty project with the package as its only dependency. */
export async function installInEmptyFolder(t: Test, tarball: Tarball): Promise<string> {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  const quietly = ['--no-audit', '--no-fund', '--prefer-offline']
  await runCleanWell(t, folder, 'npm', ['install', ...quietly, tarball.path])
  return folder
}
