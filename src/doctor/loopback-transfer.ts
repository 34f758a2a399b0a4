import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, get, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { OffloadState } from '../observe/remembered.js'
import { getOffloadState } from '../offload-state.js'
import { createZeroCopyPipe } from '../pipe/zero-copy-pipe.js'
import { describeSession, exchange } from './exchange.js'
import { selfSignedCertificate } from './self-signed-certificate.js'

/** A file that this process has sent to itself over https. */
export interface LoopbackTransfer extends Partial<OffloadState> {
  /** Bytes that were to be sent. */
  bytes: number
  /** What arrived has the SHA-256 of the file. */
  intact: boolean
  /** Of the session, as `TLSv1.3 TLS_AES_256_GCM_SHA384`. */
  session?: string
  /** Why nothing could be sent, or why it ended early. */
  error?: string
}

const bytes = 8 * 2 ** 20
const patienceMs = 10_000

/** A temporary file is sent; node itself, where none may be written. */
export async function transferOverLoopback(): Promise<LoopbackTransfer> {
  let server: Server | undefined
  let folder: string | undefined
  try {
    folder = await writableFolder()
    const path = folder === undefined ? process.execPath : join(folder, 'file')
    if (folder !== undefined) await writeFile(path, randomBytes(bytes))
    const range = { start: 0, end: bytes - 1 }
    const expected = await sha256(createReadStream(path, range))
    server = createServer(selfSignedCertificate())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const served = serve(server, path, range)
    const { port } = server.address() as AddressInfo
    const sent = get({ port, host: '127.0.0.1', rejectUnauthorized: false, agent: false })
    const received = await exchange(sent, patienceMs, async (response) => ({
      session: describeSession(response.socket as TLSSocket),
      intact: (await sha256(response)) === expected,
    }))
    return { bytes, ...received, ...(await served) }
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    return { bytes, intact: false, error: message.startsWith(code) ? message : `${code}: ${message}` }
  } finally {
    server?.closeAllConnections()
    server?.close()
    if (folder !== undefined) await rm(folder, { recursive: true })
  }
}

const notAllowed = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOSPC', 'ERR_ACCESS_DENIED'])

async function writableFolder(): Promise<string | undefined> {
  try {
    return await mkdtemp(join(tmpdir(), 'ktls-pipe-doctor-'))
  } catch (error) {
    if (notAllowed.has((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

/** Answers one request with the file, and by who carried it. */
async function serve(server: Server, path: string, range: { start: number; end: number }): Promise<OffloadState> {
  const [, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse]
  const source = createReadStream(path, range)
  source.on('error', (error) => response.destroy(error))
  source.pipe(createZeroCopyPipe(response))
  if (!response.closed) await once(response, 'close')
  return getOffloadState(response)
}

async function sha256(stream: Readable): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of stream) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
