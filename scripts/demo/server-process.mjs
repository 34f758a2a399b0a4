// The Express example as a process of its own, with or without the package.

import { once } from 'node:events'
import { get } from 'node:https'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { json } from 'node:stream/consumers'
import { expectNoAddon, neutralEnvironment } from '../common/plain-node.mjs'
import { startProcess } from '../common/programs.mjs'

const root = join(import.meta.dirname, '../..')
const serverPath = 'examples/express/server.mjs'
const startTimeoutMs = 120_000 // an emulator takes many times longer than a machine

// One cipher for both engines and for any client.
export const cipher = 'TLS 1.3 AES-256-GCM'
const tlsArguments = ['--tls-min-v1.3', '--tls-cipher-list=TLS_AES_256_GCM_SHA384']

export async function startServer({ withPackage, files }) {
  const importArguments = withPackage ? ['--import', 'ktls-pipe/register'] : []
  const child = startProcess(process.execPath, [...tlsArguments, ...importArguments, serverPath], {
    cwd: root, // the package is found by its own name from inside the repository
    env: { ...neutralEnvironment(), NODE_ENV: 'production', PORT: '0', FILES_DIRECTORY: files },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const url = await readUrl(child)
    if (!withPackage) expectNoAddon(child.pid)
    return { pids: () => [child.pid], url, readStats: () => getJson(`${url}/stats`), stop: () => stop(child) }
  } catch (error) {
    await stop(child)
    throw error
  }
}

async function readUrl(child) {
  const signal = AbortSignal.timeout(startTimeoutMs)
  const lines = createInterface({ input: child.stdout, signal })
  for await (const line of lines) {
    const [, url] = /^listening on (\S+)$/.exec(line) ?? []
    if (url) return url
  }
  throw new Error(signal.aborted ? 'The example server did not start in time.' : 'The example server ended at once.')
}

async function getJson(url) {
  // Our own server a moment ago on loopback, with a certificate nobody has signed.
  const request = get(url, { agent: false, rejectUnauthorized: false })
  const [response] = await once(request, 'response')
  if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}.`)
  return json(response)
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL') // it has nothing to save
  await once(child, 'exit')
}
