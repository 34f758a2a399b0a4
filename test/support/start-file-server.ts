import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Stats } from 'ktls-pipe'
import type { Test } from 'tap'
import { certificate } from './certificate.js'
import { projectFile } from './project.js'

export interface ServerReport {
  stats: Stats
  connections: number
  rssBytes: number
  /** Of the event loop, since the last report. */
  delayMs: { p99: number; max: number }
}

export interface FileServerOptions {
  /** KTLS_PIPE_DISABLE=1: plain Node, with the package loaded and doing nothing. */
  disabled?: boolean
}

/** An https server of one file in a process of its own; it ends with the test. */
export async function startFileServer(t: Test, file: string, { disabled = false }: FileServerOptions = {}) {
  const { key, cert } = await certificate()
  const child = spawn(process.execPath, [projectFile('test/support/file-server.mjs')], {
    env: {
      ...process.env,
      KEY: key,
      CERT: cert,
      FILE: file,
      KTLS_PIPE_DISABLE: disabled ? '1' : '0',
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill()
    await exited
  })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return {
    port,
    pid: child.pid as number,
    async report(): Promise<ServerReport> {
      const answered = once(child, 'message')
      child.send('report')
      return (await answered)[0] as ServerReport
    },
  }
}
