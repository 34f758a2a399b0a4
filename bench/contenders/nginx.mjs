// nginx with sendfile, as Debian has it: its own release's for plain TCP, Debian 13's where it is to use kernel TLS
// (Debian 12's OpenSSL was built without).

import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { readKernelSessions } from '../../scripts/common/kernel-sessions.mjs'
import { startProcess } from '../../scripts/common/programs.mjs'

const longestStartMs = 30_000

/**
 * @param {import('../tools.mjs').Tool | undefined} tool
 * @param {{ tls?: import('../transports.mjs').TlsTransport, workers: number }} options
 * @returns {import('./contender.mjs').Contender[]}
 */
export function nginxContenders(tool, { tls, workers }) {
  if (tool === undefined) return []
  const plural = workers > 1 ? `, ${workers} workers` : ''
  const contender = (name, kernelTls) => ({
    name: `${name}${plural}`,
    start: (grounds) => startNginx(tool, grounds, { kernelTls, workers }),
  })
  if (tls === undefined) return [contender('nginx, sendfile', false)]
  return [contender('nginx, kernel TLS', true), contender('nginx, OpenSSL', false)]
}

/**
 * @param {import('../tools.mjs').Tool} tool
 * @param {import('./contender.mjs').Grounds} grounds
 * @param {{ kernelTls: boolean, workers: number }} options
 * @returns {Promise<import('./contender.mjs').Server>}
 */
async function startNginx(tool, { files, scratch, tls, credentials }, options) {
  const folder = mkdtempSync(join(scratch, 'nginx-'))
  const port = await freePort()
  writeFileSync(join(folder, 'key.pem'), credentials.key)
  writeFileSync(join(folder, 'certificate.pem'), credentials.cert)
  writeFileSync(join(folder, 'nginx.conf'), configuration({ folder, files, port, tls, ...options }))
  mkdirSync(join(folder, 'static'))
  writeFileSync(join(folder, 'static', 'buffer'), Buffer.alloc(64 * 1024, 'x'))
  const words = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr']
  const child = startProcess(tool.command, [...tool.args, ...words], {
    env: tool.env,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const pidFile = join(folder, 'nginx.pid')
  const startedAt = performance.now()
  while (!existsSync(pidFile) || workersOf(child.pid).length < options.workers) {
    if (child.exitCode !== null) throw new Error(`nginx ended with exit code ${child.exitCode}.`)
    if (performance.now() - startedAt > longestStartMs) throw new Error('nginx did not start in time.')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`
  if (tls !== undefined) await expectEncryption(url, options)
  return {
    url,
    pids: () => [child.pid, ...workersOf(child.pid)],
    async stop() {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

/** nginx says nothing where it cannot use kernel TLS: its figures would be published under the wrong name. */
async function expectEncryption(url, { kernelTls }) {
  const before = readKernelSessions()
  const [response] = await once(get(`${url}/json`, { rejectUnauthorized: false, agent: false }), 'response')
  await once(response.resume(), 'end')
  const byKernel = readKernelSessions() > before
  if (byKernel !== kernelTls) throw new Error(`nginx was encrypted by ${byKernel ? 'the kernel' : 'OpenSSL'}.`)
}

function configuration({ folder, files, port, tls, kernelTls, workers }) {
  const json = JSON.stringify({ text: 'x'.repeat(189) })
  // Workers of a master that is root become another user, who may not read the files.
  const user = process.getuid() === 0 ? 'user root;' : ''
  return `
daemon off;
${user}
pid ${folder}/nginx.pid;
worker_processes ${workers};
events { worker_connections 4096; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${port}${tls ? ' ssl' : ''} reuseport;
    ${tls ? securely(folder, tls, kernelTls) : ''}
    location /files/ { alias ${files}/; }
    location = /json { default_type application/json; return 200 '${json}'; }
    location = /buffer { alias ${folder}/static/buffer; }
  }
}
`
}

function securely(folder, { protocol, cipher }, kernelTls) {
  return `ssl_certificate ${folder}/certificate.pem;
    ssl_certificate_key ${folder}/key.pem;
    ssl_protocols ${protocol};
    ssl_conf_command Ciphersuites ${cipher};
    ssl_conf_command Options ${kernelTls ? 'KTLS' : '-KTLS'};`
}

/** @param {number} pid */
function workersOf(pid) {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
