// One measured download: what it cost the server, what the kernel says about it, and what arrived.

import { readCpuTime } from '../common/cpu-time.mjs'
import { hashFile } from '../common/workspace.mjs'
import { download } from './client.mjs'
import { readKernelSessions } from './kernel-sessions.mjs'

const settleMs = 200 // closing the connection is work too, and belongs to the download

export async function measureDownload({ engine, server }, client, workspace) {
  // The server's own count is asked for outside of the measured time, and of plain Node not at all: asking loads the
  // package.
  const statsBefore = engine.withPackage ? await server.readStats() : undefined
  await settle()
  const sessionsBefore = readKernelSessions()
  const cpuBefore = readCpuTime(server.pid)

  const seconds = await download(client, `${server.url}/static/${workspace.fileName}`, workspace.download)

  await settle()
  const cpuAfter = readCpuTime(server.pid)
  const sessionsAfter = readKernelSessions()
  const statsAfter = engine.withPackage ? await server.readStats() : undefined
  return {
    seconds,
    serverCpuSeconds: cpuAfter.server - cpuBefore.server,
    machineCpuSeconds: cpuAfter.machine - cpuBefore.machine,
    kernelSessions: sessionsAfter - sessionsBefore,
    kernelTransfers: statsAfter && statsAfter.transfers.tls - statsBefore.transfers.tls,
    fallbacks: statsAfter?.fallbacks,
    sha256: await hashFile(workspace.download),
  }
}

function settle() {
  return new Promise((resolve) => setTimeout(resolve, settleMs))
}
