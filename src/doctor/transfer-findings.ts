import type { SupportReport } from '../observe/support.js'
import { defaultMinimumBytes } from '../options.js'
import { type Finding, fail, pass } from './finding.js'
import type { LoopbackTransfer } from './loopback-transfer.js'
import { withPermissions } from './process-findings.js'
import type { ServedUrl } from './served-url.js'

const mebibyte = 2 ** 20

/** A file of this machine's own, over loopback. */
export function loopback(
  { bytes, intact, session, encryption, error, fallbackReason }: LoopbackTransfer,
  support: SupportReport,
): Finding {
  const requirement = 'loopback transfer'
  if (error?.startsWith('ERR_ACCESS_DENIED')) {
    return fail(requirement, 'the permission model does not let it be tried', withPermissions)
  }
  if (error !== undefined) return fail(requirement, error, 'NODE_DEBUG=ktls-pipe npx ktls-pipe doctor')
  const found = `${bytes / mebibyte} MiB by ${session}`
  if (!intact)
    return fail(
      requirement,
      `${found}: what came is not what was sent`,
      'export KTLS_PIPE_DISABLE=1 # and report it, please',
    )
  if (encryption === 'kernel') return pass(requirement, `${found}, encrypted by the kernel, SHA-256 equal`)
  const byNode = `${found}, encrypted by Node (${fallbackReason}), SHA-256 equal`
  // What is in the way has a line of its own.
  return support.reason !== undefined
    ? pass(requirement, byNode)
    : fail(requirement, byNode, 'NODE_DEBUG=ktls-pipe npx ktls-pipe doctor')
}

/** A server that runs, asked by its address. */
export function url(served: ServedUrl, support: SupportReport): Finding {
  const { url, encryption, because, status, bytes, session, newKernelSessions } = served
  const requirement = `server ${url}`
  const seen =
    status === undefined ? '' : `status ${status}, ${bytes} bytes${session === undefined ? '' : ` by ${session}`}: `
  switch (encryption) {
    case 'kernel':
      return pass(requirement, `${seen}encrypted by the kernel (TlsTxSw grew by ${newKernelSessions})`)
    case 'none':
      return pass(requirement, `${seen}not encrypted, it is plain http`)
    case 'userspace':
      return fail(
        requirement,
        `${seen}no session was handed to the kernel of this network namespace`,
        whatToAsk(served, support),
      )
    case 'unknown':
      return fail(requirement, `${seen}cannot tell: ${because}`, whatToAsk(served, support))
  }
}

function whatToAsk({ status, bytes = 0 }: ServedUrl, support: SupportReport): string {
  if (status === undefined) return 'start the server, or ask for its address'
  if (support.reason !== undefined) return 'see the lines above'
  if (status >= 300) return 'ask for a URL that is answered with a file'
  const { tls: least } = defaultMinimumBytes
  if (bytes < least) return `ask for a file of more than ${least} bytes: smaller ones are left to Node`
  return askTheServer
}

const askTheServer =
  'KTLS_PIPE_LOG=1 node --import ktls-pipe/register server.mjs # then ask again: it tells how each file is sent'
