// The client of the measurement, a process of its own: curl where there is one, otherwise a Node program.

import { join } from 'node:path'
import { findOnPath } from '../../kernel-vm/subprocess.mjs'
import { curlArguments } from '../common/curl.mjs'
import { run } from '../common/programs.mjs'

const downloadTimeoutMs = 10 * 60_000
const nodeClient = join(import.meta.dirname, 'https-client.mjs')

export async function findClient() {
  const curl = await findOnPath('curl')
  if (curl) return { name: 'curl', command: curl, args: [...curlArguments, '--write-out', '%{time_total}'] }
  return { name: 'a Node client', command: process.execPath, args: [nodeClient] }
}

/** Downloads to a file; resolves with the seconds the client took from connecting to the last byte. */
export async function download(client, url, path) {
  const args = [...client.args, '--output', path, url]
  return Number(await run(client.command, args, { timeout: downloadTimeoutMs }))
}
