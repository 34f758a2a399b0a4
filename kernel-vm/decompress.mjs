// Unpacks what Node's zlib does not (zstd came with Node 22.15), by the programs of that name.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import { debianTool } from './debian-tool.mjs'
import { run } from './subprocess.mjs'

/**
 * @param {'xz' | 'zstd' | 'gzip'} program
 * @param {Buffer} data
 * @returns {Promise<Buffer>}
 */
export async function decompress(program, data) {
  const { command, args, env } = await debianTool(program)
  const child = spawn(command, [...args, '-d', '-c'], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  child.stdin.end(data)
  const unpacked = await buffer(child.stdout)
  const [code] = await closed
  if (code !== 0) throw new Error(`${program} ended with ${code}`)
  return unpacked
}

/** @param {string[]} paths files NAME.xz, each replaced by NAME */
export async function unxzFiles(paths) {
  if (!paths.length) return
  const { command, args, env } = await debianTool('xz')
  await run(command, [...args, '-d', ...paths], { env })
}
