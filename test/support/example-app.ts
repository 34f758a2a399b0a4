import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
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

/** Starts the Express example with the package's `register` import, to serve `folder`. */
export async function startExampleApp(t: Test, folder: string): Promise<ExampleApp> {
  const observer = projectFile('test/support/request-observer.mjs')
  const imports = ['--import', 'ktls-pipe/register', '--import', observer]
  const child = spawn(process.execPath, [...imports, projectFile('examples/express/server.mjs')], {
    cwd: projectFile(),
    env: { ...process.env, PORT: '0', FILES_DIRECTORY: folder },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill()
      await once(child, 'exit')
    }
  })
  let requests: ObservedRequest[] = []
  child.on('message', (request) => requests.push(request as ObservedRequest))

  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const [line] = (await Promise.race([once(lines, 'line'), once(child, 'exit')])) as [unknown]
  const origin = /^listening on (https:\/\/\S+)$/.exec(String(line))?.[1]
  if (origin === undefined) throw new Error(`the example did not start: ${line}`)
  return {
    origin,
    takeRequests() {
      const taken = requests
      requests = []
      return taken
    },
  }
}
