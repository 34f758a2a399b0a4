// The comparison: two servers of the same example, one file, one client, downloads in turn; beside them, in the same
// minutes, what the kernel alone needs for the same bytes.

import { cpus, release } from 'node:os'
import { warmUpRounds } from '../common/warm-up.mjs'
import { createWorkspace, writeRandomFile } from '../common/workspace.mjs'
import { findClient } from './client.mjs'
import { sendByKernelAlone } from './kernel-alone.mjs'
import { measureDownload } from './measure.mjs'
import { fileSize } from './options.mjs'
import { cipher, startServer } from './server-process.mjs'

const engines = [
  { name: 'plain Node', withPackage: false },
  { name: 'ktls-pipe', withPackage: true },
]

export async function compare(options, progress) {
  const bytes = fileSize(options)
  const workspace = await createWorkspace(bytes)
  const contenders = []
  const kernelAlone = []
  try {
    progress.step(`writing ${bytes / 2 ** 20} MiB of random bytes`)
    const sha256 = await writeRandomFile(workspace.source, bytes)
    const client = await findClient()
    for (const engine of engines) {
      progress.step(`starting the example with ${engine.name}`)
      const server = await startServer({ withPackage: engine.withPackage, files: workspace.files })
      contenders.push({ engine, server, downloads: [] })
    }
    for (let round = 1 - warmUpRounds(options.emulated); round <= options.rounds; round++) {
      for (const contender of contenders) {
        const pass = round > 0 ? `download ${round} of ${options.rounds}` : 'warming up'
        progress.step(`${contender.engine.name}: ${pass}`)
        const measured = await measureDownload(contender, client, workspace)
        contender.downloads.push({ ...measured, isWarmUp: round <= 0, isIntact: measured.sha256 === sha256 })
      }
      progress.step(`the kernel alone: ${round > 0 ? `pass ${round} of ${options.rounds}` : 'warming up'}`)
      kernelAlone.push({ ...(await sendByKernelAlone(workspace.source)), isWarmUp: round <= 0 })
    }
    return {
      conditions: describe(options, { bytes, client }),
      bytes,
      engines: contenders.map(({ engine, downloads }) => ({ ...engine, downloads })),
      kernelAlone,
    }
  } finally {
    for (const { server } of contenders) await server.stop()
    workspace.remove()
  }
}

function describe({ rounds, emulated }, { bytes, client }) {
  return {
    kernel: release(),
    node: process.version,
    cpuCount: cpus().length,
    cipher,
    client: client.name,
    mebibytes: bytes / 2 ** 20,
    rounds,
    emulated,
  }
}
