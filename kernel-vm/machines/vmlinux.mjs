// The kernel proper out of a bzImage. QEMU boots it by its PVH entry point, so it need not unpack itself in emulation.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import { debianTool } from '../debian/tool.mjs'

// Offsets of the boot protocol's header: Documentation/arch/x86/boot.rst in the kernel's source.
const setupSectors = 0x1f1
const payloadOffset = 0x248
const payloadLength = 0x24c
const sectorSize = 512

/**
 * @param {Buffer} bzImage
 * @returns {Promise<Buffer>} an ELF file
 */
export async function extractVmlinux(bzImage) {
  const protectedMode = ((bzImage[setupSectors] || 4) + 1) * sectorSize
  const start = protectedMode + bzImage.readUInt32LE(payloadOffset)
  const payload = bzImage.subarray(start, start + bzImage.readUInt32LE(payloadLength))
  // The build appends the unpacked size, four bytes that are not part of the packed stream; gzip's ends so by itself.
  const program = programFor(payload)
  const vmlinux = await decompress(program, program === 'gzip' ? payload : payload.subarray(0, -4))
  if (!vmlinux.subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1'))) throw new Error('no ELF file in the bzImage')
  return vmlinux
}

/** @param {Buffer} payload */
function programFor(payload) {
  const magic = payload.readUInt32BE(0)
  if (magic === 0xfd377a58) return 'xz'
  if (magic === 0x28b52ffd) return 'zstd'
  if (magic >>> 16 === 0x1f8b) return 'gzip'
  throw new Error(`unknown compression of the kernel: ${magic.toString(16)}`)
}

/**
 * By the program of that name: Node's zlib has no xz, and zstd since Node 22.15 alone.
 *
 * @param {ReturnType<typeof programFor>} program
 * @param {Buffer} packed
 * @returns {Promise<Buffer>}
 */
async function decompress(program, packed) {
  const { command, args, env } = await debianTool(program)
  const child = spawn(command, [...args, '-d', '-c'], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  child.stdin.end(packed)
  const unpacked = await buffer(child.stdout)
  const [code] = await closed
  if (code !== 0) throw new Error(`${program} ended with ${code}`)
  return unpacked
}
