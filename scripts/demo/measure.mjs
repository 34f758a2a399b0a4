// One measured download: what it cost the server, what the kernel says about it, and what arrived.

import { costOf } from '../common/cpu-time.mjs'
import { readKernelSessions } from '../common/kernel-sessions.mjs'
import { hashFile } from '../common/workspace.mjs'
import { download } from './client.mjs'

export async function measureDownload({ engine, server }, client, workspace) {
  // The server's own count is asked for outside of the measured time, and of plain Node not at all: asking loads the
  // package.
  const statsBefore = engine.withPackage ? await server.readStats() : undefined
  const { sessionsBefore, ...cost } = await costOf(server, async () => ({
    sessionsBefore: readKernelSessions(),
    seconds: await download(client, `${server.url}/static/${workspace.fileName}`, workspace.download),
  }))
  const sessionsAfter = readKernelSessions()
  const statsAfter = engine.withPackage ? await server.readStats() : undefined
  return {
    ...cost,
    kernelSessions: sessionsAfter - sessionsBefore,
    kernelTransfers: statsAfter && statsAfter.transfers.tls - statsBefore.transfers.tls,
    fallbacks: statsAfter?.fallbacks,
    sha256: await hashFile(workspace.download),
  }
}
