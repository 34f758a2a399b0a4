// The contenders that are Node processes.

import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expectNoAddon, neutralEnvironment } from '../../scripts/common/plain-node.mjs'
import { startProcess } from '../../scripts/common/programs.mjs'

const root = join(import.meta.dirname, '../..')
const program = join(import.meta.dirname, 'server.mjs')
const packageUrl = pathToFileURL(join(root, 'dist/index.js')).href

/** @type {import('./contender.mjs').Contender} */
export const plainNode = { name: 'plain Node', start: (grounds) => startNode(grounds, { withPackage: false }) }

/** @type {import('./contender.mjs').Contender} */
export const nodeAtAnySize = {
  name: 'ktls-pipe, any size',
  start: (grounds) =>
    startNode(grounds, {
      withPackage: true,
      offloads: true,
      env: { KTLS_PIPE_TLS_MINIMUM_BYTES: '0', KTLS_PIPE_TCP_MINIMUM_BYTES: '0' },
    }),
}

/** @type {import('./contender.mjs').Contender[]} */
export const nodeContenders = [
  plainNode,
  { name: 'ktls-pipe', start: (grounds) => startNode(grounds, { withPackage: true, offloads: true }) },
  {
    name: 'ktls-pipe, disabled',
    start: (grounds) => startNode(grounds, { withPackage: true, env: { KTLS_PIPE_DISABLE: '1' } }),
  },
]

/**
 * @param {import('./contender.mjs').Grounds} grounds
 * @param {{ withPackage: boolean, offloads?: boolean, env?: Record<string, string> }} options
 * @returns {Promise<import('./contender.mjs').Server>}
 */
async function startNode({ files, tls, credentials }, { withPackage, offloads = false, env = {} }) {
  const words = ['--expose-gc', ...(tls ? tls.nodeArguments : [])]
  if (withPackage) words.push('--import', 'ktls-pipe/register')
  const child = startProcess(process.execPath, [...words, program], {
    cwd: root, // the package is found by its own name from inside the repository
    env: {
      ...neutralEnvironment(),
      ...env,
      NODE_ENV: 'production',
      FILES: files,
      ...(offloads ? { OFFLOADS: packageUrl } : {}),
      ...(tls ? { KEY: credentials.key, CERT: credentials.cert } : {}),
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const exited = once(child, 'exit')
  const hear = async () => {
    const [message] = await Promise.race([once(child, 'message'), exited])
    if (typeof message !== 'object' || message === null) throw new Error('A server of the benchmark ended.')
    return message
  }
  const { port } = await hear()
  if (!withPackage) expectNoAddon(child.pid)
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    pids: () => [child.pid],
    async ask(question) {
      child.send(question)
      return (await hear()).answer
    },
    async stop() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
