import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { on, once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Test } from 'tap'
import { projectFile } from './project.js'

export interface ObservedRequest {
  url: string
  version: string
  cipher: string
}

export interface ExampleApp {
  origin: string
  /** What was asked for since the last call. */
  takeRequests(): ObservedRequest[]
}

interface ExampleOptions {
  /** Modules that are loaded first. */
  imports?: string[]
  env?: NodeJS.ProcessEnv
}

export interface Example {
  origin: string
  child: ChildProcessByStdio<null, Readable, Readable>
  /** Of its standard output, after the one that says where it listens. */
  lines: Interface
  /** The next line of its standard error, from the first one on. */
  nextComplaint(): Promise<string>
}

/** Starts a server of examples/, to serve `folder` on a port of its own choice; it ends with the test. */
export async function startExample(
  t: Test,
  program: string,
  folder: string,
  { imports = [], env = {} }: ExampleOptions = {},
): Promise<Example> {
  const flags = imports.flatMap((name) => ['--import', name])
  const child = spawn(process.execPath, [...flags, projectFile('examples', program)], {
    cwd: projectFile(),
    env: { ...process.env, ...env, PORT: '0', FILES_DIRECTORY: folder },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  }) as unknown as Example['child']
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill()
    await once(child, 'exit')
  })
  const closed = once(child, 'close')
  let said = ''
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
  }
  const complaintLines = on(createInterface(child.stderr), 'line')
  const lines = createInterface(child.stdout)
  // Not always the first line: an exporter may print before.
  const listening = new Promise<string>((resolve) => {
    lines.on('line', (line) => {
      const origin = /^listening on (\w+:\/\/\S+)$/.exec(line)?.[1]
      if (origin !== undefined) resolve(origin)
    })
  })
  const origin = await Promise.race([
    listening,
    closed.then(([exitCode, signal]) => {
      // In one line: a report has no more than the first.
      throw new Error(`examples/${program} did not start (${exitCode ?? signal}): ${JSON.stringify(said)}`)
    }),
  ])
  return { origin, child, lines, nextComplaint: async () => (await complaintLines.next()).value[0] }
}

/** Starts the Express example with the package's `register` import. */
export async function startExampleApp(t: Test, folder: string): Promise<ExampleApp> {
  const imports = ['ktls-pipe/register', projectFile('test/support/request-observer.mjs')]
  const { origin, child } = await startExample(t, 'express/server.mjs', folder, { imports })
  child.stderr.pipe(process.stderr)
  let requests: ObservedRequest[] = []
  child.on('message', (request) => requests.push(request as ObservedRequest))
  return {
    origin,
    takeRequests() {
      const taken = requests
      requests = []
      return taken
    },
  }
}
