import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { sha256OfFile, sizeAndSha256, temporaryFolder } from './files.js'
import { peerCommand } from './peers.js'
import { runProgram, runWell } from './run-program.js'

export interface Download {
  url: string
  /** As in `Range: bytes=`. */
  range?: string
}

export interface Downloaded {
  size: number
  sha256: string
}

const time = ['--max-time', '120']

/** Fetches all of them by one curl, one after the other, and says what came. */
export async function curl(t: Test, downloads: Download[], args: string[] = []): Promise<Downloaded[]> {
  const folder = temporaryFolder(t)
  const paths = downloads.map((_, index) => join(folder, `${index}`))
  const perDownload = downloads.map(({ url, range }, index) => [
    ...(index > 0 ? ['--next'] : []),
    ...['--insecure', '--silent', '--show-error', '--fail', ...time, ...args],
    ...(range === undefined ? [] : ['--range', range]),
    ...['--output', paths[index] as string, url],
  ])
  await runWell(t, peerCommand('curl'), ['--disable', ...perDownload.flat()])
  return await Promise.all(paths.map(summary))
}

/** Fetches one that is too large to be stored. */
export async function curlLarge(t: Test, url: string): Promise<Downloaded> {
  const own = ['--disable', '--insecure', '--silent', '--show-error', '--fail', ...time, url]
  const { code, output, stderr } = await runProgram(peerCommand('curl'), own, sizeAndSha256)
  t.equal(code, 0, 'curl ends well', { stderr })
  return output
}

/** What a program has stored in a file, which is removed. */
export async function summary(path: string): Promise<Downloaded> {
  const { size } = await stat(path).catch(() => ({ size: -1 }))
  if (size < 0) return { size, sha256: 'no file' }
  const sha256 = await sha256OfFile(path)
  await rm(path)
  return { size, sha256 }
}
