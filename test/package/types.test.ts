// A program in TypeScript that uses all of the public interface compiles against the installed package.

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { installInEmptyFolder, pack, runClean } from '../support/packed-package.js'
import { projectFile } from '../support/project.js'

const program = `
import { createReadStream } from 'node:fs'
import { createServer } from 'node:https'
import { pipeline } from 'node:stream/promises'
import {
  createZeroCopyPipe, FALLBACK_REASONS, type FallbackReason, getOffloadState, getStats, inspectSupport, install,
  KtlsError, type KtlsErrorCode, type OffloadState, setOffload, type Stats, type SupportReport, uninstall,
  type ZeroCopyPipe,
} from 'ktls-pipe'
import { keepFilesInUserspace, offloadFiles as forExpress } from 'ktls-pipe/express'
import { offloadFiles as forFastify } from 'ktls-pipe/fastify'
import { offloadFiles as forKoa } from 'ktls-pipe/koa'
import 'ktls-pipe/register'

install({ tls: { minimumBytes: 1 }, tcp: false, threads: 2 })
createServer(async (request, response) => {
  setOffload(response, true)
  const pipe: ZeroCopyPipe = createZeroCopyPipe(response, { end: true, signal: AbortSignal.timeout(1000) })
  await pipeline(createReadStream('file'), pipe)
  const { encryption, fallbackReason }: OffloadState = getOffloadState(request.socket)
  const isKernel: boolean = encryption === 'kernel'
  const reason: FallbackReason | undefined = fallbackReason ?? pipe.fallbackReason
  response.end(String([isKernel, reason, pipe.bytesOffloaded, pipe.offloaded]))
}).on('error', (error) => {
  if (error instanceof KtlsError) error.code satisfies KtlsErrorCode
})
createServer((request, response) => forExpress()(request, response, () => keepFilesInUserspace()(request, response, () => {})))
  .on('request', (_request, res) => forKoa()({ res }, async () => {}))
forFastify({ addHook: (_name, hook) => hook }, {}, () => {})
const stats: Stats = getStats()
const support: Promise<SupportReport> = inspectSupport()
const known: readonly FallbackReason[] = FALLBACK_REASONS
support.then(({ reason }) => reason && known.includes(reason))
stats.fallbacks['kernel-tls-unavailable'] satisfies number | undefined
uninstall()
// @ts-expect-error
install({ tls: true })
// @ts-expect-error
setOffload(stats)
`

/** Programs as ESM and as CommonJS, by how the compiler finds modules. */
const resolutions = {
  'nodenext, ESM': { module: 'nodenext', skipLibCheck: 'false', file: 'program.mts' },
  'nodenext, CommonJS': { module: 'nodenext', skipLibCheck: 'true', file: 'program.cts' },
  bundler: { module: 'esnext', moduleResolution: 'bundler', skipLibCheck: 'true', file: 'program.ts' },
}

t.test('types of the installed package', async (t) => {
  const folder = await installInEmptyFolder(t, await pack(t))
  mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true })
  for (const types of ['@types/node', 'undici-types']) {
    symlinkSync(projectFile('node_modules', types), join(folder, 'node_modules', types))
  }
  const compile = (file: string, options: Record<string, string>) => {
    const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
    const tsc = projectFile('node_modules', 'typescript', 'bin', 'tsc')
    return runClean(folder, process.execPath, [tsc, '--noEmit', '--strict', '--target', 'es2023', ...flags, file])
  }
  for (const [name, { file, ...options }] of Object.entries(resolutions)) {
    await t.test(name, async (t) => {
      writeFileSync(join(folder, file), program)
      const { code, stdout } = await compile(file, options)
      t.equal(code, 0, 'what is right compiles, and what is wrong is found', { stdout })
    })
  }
})
