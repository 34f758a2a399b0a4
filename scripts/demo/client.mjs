// The client of the measurement, a process of its own: curl where there is one, otherwise a Node program.

import { join } from 'node:path'
import { run } from '../common/programs.mjs'

const downloadTimeoutMs = 10 * 60_000
const curl = [
  '--disable', // no .curlrc
  '--silent',
  '--show-error',
  '--fail',
  '--http1.1',
  '--insecure', // our own server on loopback; the body is compared by its hash
  ...['--noproxy', '*'],
  ...['--write-out', '%{time_total}'],
]
const nodeClient = join(import.meta.dirname, 'https-client.mjs')

export async function findClient() {
  if (await hasCurl()) return { name: 'curl', command: 'curl', args: curl }
  return { name: 'a Node client', command: process.execPath, args: [nodeClient] }
}

/** Downloads to a file; resolves with the seconds the client took from connecting to the last byte. */
export async function download(client, url, path) {
  const args = [...client.args, '--output', path, url]
  return Number(await run(client.command, args, { timeout: downloadTimeoutMs }))
}

async function hasCurl() {
  try {
    await run('curl', ['--version'])
    return true
  } catch (error) {
    if (error.code === 'ENOENT') return false
    throw error
  }
}
