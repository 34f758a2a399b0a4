// What a newcomer does: the tarball and Express in an empty folder, ten lines, one import. On every version of Node.js:
// on this machine, and on a kernel that has TLS.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { certificate } from '../support/certificate.js'
import { writeRandomFile } from '../support/files.js'
import { kernelTls } from '../support/kernel.js'
import { installInEmptyFolder, onlyWithBinary, pack, runCleanWell, withoutCompiler } from '../support/packed-package.js'
import { loadTool } from '../support/project.js'

/** What comes after the imports. */
const application = `const app = express()
app.use(express.static('public', { setHeaders: (res) => res.on('finish', () => process.send(getOffloadState(res))) }))
const pem = readFileSync('localhost.pem')
createServer({ key: pem, cert: pem }, app).listen(0, function () { process.send(this.address().port) })
`

const server = `import 'ktls-pipe/register'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import express from 'express'
import { getOffloadState } from 'ktls-pipe'
${application}`

/** The same as CommonJS, where the import is one of node's own flags. */
const commonJsServer = `const { readFileSync } = require('node:fs')
const { createServer } = require('node:https')
const express = require('express')
const { getOffloadState } = require('ktls-pipe')
${application}`

/** Downloads the film from both servers, by each Node.js that is named, and prints what it was carried by. */
const client = `import { createHash } from 'node:crypto'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import https from 'node:https'
const servers = [['server.mjs'], ['server.cjs', '--require', 'ktls-pipe/register']]
const runs = process.argv.slice(2).flatMap((execPath) => servers.map((server) => [execPath, ...server]))
for (const [execPath, server, ...execArgv] of runs) {
  const child = fork(server, { execPath, execArgv })
  const [port] = await once(child, 'message')
  const told = once(child, 'message')
  const request = https.get({ port, path: '/film.mp4', rejectUnauthorized: false, agent: false })
  const [response] = await once(request, 'response')
  const hash = createHash('sha256')
  for await (const chunk of response) hash.update(chunk)
  const [state] = await told
  console.log(JSON.stringify({ sha256: hash.digest('hex'), ...state }))
  child.kill()
}
`

const fileBytes = 5_000_003
const vmTimeoutMs = 5 * 60_000

t.setTimeout(10 * 60_000)

t.test('ten lines of Express', onlyWithBinary, async (t) => {
  const folder = await installInEmptyFolder(t, await pack(t), ['express@5'])
  const { key, cert } = await certificate()
  writeFileSync(join(folder, 'localhost.pem'), key + cert)
  writeFileSync(join(folder, 'server.mjs'), server)
  writeFileSync(join(folder, 'server.cjs'), commonJsServer)
  writeFileSync(join(folder, 'client.mjs'), client)
  const publicFolder = join(folder, 'public')
  await runCleanWell(t, folder, 'mkdir', [publicFolder])
  const { sha256 } = writeRandomFile(publicFolder, fileBytes, 'film.mp4')
  const { nodes, runOnKernelWithTls } = await tools()
  const expect = (t: Test, output: string, by: 'kernel' | 'userspace') => {
    const carried =
      by === 'kernel'
        ? { encryption: 'kernel', bytesOffloaded: fileBytes }
        : { encryption: 'userspace', bytesOffloaded: 0, fallbackReason: 'kernel-tls-unavailable' }
    const answers = output.trim().split('\n')
    t.equal(answers.length, 2 * nodes.length)
    for (const answer of answers) t.strictSame(JSON.parse(answer), { sha256, ...carried })
  }

  await t.test('here', async (t) => {
    const output = await runCleanWell(t, folder, process.execPath, ['client.mjs', ...nodes], withoutCompiler(t))
    expect(t, output, kernelTls ? 'kernel' : 'userspace')
  })
  await t.test('on a kernel that has TLS', { skip: kernelTls && 'it is this one' }, async (t) => {
    const { exitCode, stdout, stderr } = await runOnKernelWithTls(folder, ['client.mjs', ...nodes])
    t.equal(exitCode, 0, stderr)
    expect(t, stdout, 'kernel')
  })
})

async function tools() {
  const { nodeBinary, nodeMajors } = await loadTool('kernel-vm/node-versions.mjs')
  const { runInKernel } = await loadTool('kernel-vm/run.mjs')
  const { fastKernel } = await loadTool('scripts/test/user-mode.mjs')
  const nodes: string[] = []
  for (const major of nodeMajors as number[]) nodes.push(await nodeBinary(major))
  const runOnKernelWithTls = async (cwd: string, args: string[]) => {
    const options = { cwd, args, command: process.execPath, timeoutMs: vmTimeoutMs, env: {} }
    return runInKernel({ kernel: await fastKernel(), ...options }) as Promise<{
      exitCode: number
      stdout: string
      stderr: string
    }>
  }
  return { nodes, runOnKernelWithTls }
}
