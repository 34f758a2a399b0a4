import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Stats } from 'ktls-pipe'
import type { Test } from 'tap'
import { certificate } from './certificate.js'
import type { Scheme } from './http-client.js'
import { nextMessage } from './next-message.js'
import { projectFile } from './project.js'

/** What the server's process has at a moment. */
export interface ServerReport {
  stats: Stats
  connections: number
  rssBytes: number
  descriptors: number
  threads: number
  /** Of the event loop, since the last report. */
  delayMs: { p99: number; max: number }
}

export interface FileServerOptions {
  env?: NodeJS.ProcessEnv
  scheme?: Scheme
  /** KTLS_PIPE_DISABLE=1: plain Node, with the package loaded and doing nothing. */
  disabled?: boolean
  /** Collects its garbage before it reports. */
  collectsGarbage?: boolean
  /** So many descriptors may it have (setrlimit(2)); as many as this process if left out. */
  mostDescriptors?: number
}

/** A server of one file in a process of its own (file-server.mjs); it ends with the test. */
export async function startFileServer(t: Test, file: string, options: FileServerOptions = {}) {
  const { scheme = 'https', disabled = false, collectsGarbage = false, mostDescriptors, env = {} } = options
  const { key, cert } = await certificate()
  const nodeOptions = collectsGarbage ? ['--expose-gc'] : []
  const limited = mostDescriptors === undefined ? [] : ['sh', '-c', `ulimit -n ${mostDescriptors}; exec "$0" "$@"`]
  const program = [process.execPath, ...nodeOptions, projectFile('test/support/file-server.mjs')]
  const [command, ...args] = [...limited, ...program] as [string, ...string[]]
  const child = spawn(command, args, {
    env: {
      ...process.env,
      ...env,
      KEY: key,
      CERT: cert,
      FILE: file,
      SCHEME: scheme,
      KTLS_PIPE_DISABLE: disabled ? '1' : '0',
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill()
    await exited
  })
  const ask = async (question: string): Promise<ServerReport> => {
    const answered = nextMessage<ServerReport>(child)
    child.send(question)
    return await answered
  }
  const { port } = await nextMessage<{ port: number }>(child)
  return {
    port,
    get isRunning() {
      return child.exitCode === null && child.signalCode === null
    },
    pid: child.pid as number,
    report: () => ask('now'),
    /** As soon as it has no connections and no files. */
    reportWhenIdle: () => ask('when idle'),
  }
}
