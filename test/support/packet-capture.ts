import { closeSync, openSync, writeSync } from 'node:fs'

const linkTypeRaw = 101 // packets begin with their IP header
const serverPort = 443
const firstClientPort = 50_000
const [ipBytes, tcpBytes] = [20, 20]
const [ack, psh, syn] = [0x10, 0x08, 0x02]

/**
 * Writes TLS records into a file for tshark: each a TCP segment of its own. The headers are made up, so that what is
 * looked at is what went over the wire and nothing else. pcap-savefile(5).
 */
export class PacketCapture {
  readonly #file: number
  #connections = 0
  #packets = 0

  constructor(path: string) {
    this.#file = openSync(path, 'w')
    const header = Buffer.alloc(24)
    header.writeUInt32LE(0xa1b2c3d4, 0)
    header.writeUInt16LE(2, 4)
    header.writeUInt16LE(4, 6)
    header.writeUInt32LE(0xffff, 16)
    header.writeUInt32LE(linkTypeRaw, 20)
    writeSync(this.#file, header)
  }

  /** One more connection, by the client's port in the capture. */
  connection() {
    const port = firstClientPort + this.#connections++
    const next = { client: 1, server: 1 }
    this.#packet(port, false, 0, 0, syn, Buffer.alloc(0))
    this.#packet(port, true, 0, 1, syn | ack, Buffer.alloc(0))
    return {
      port,
      add: (record: Buffer, fromServer: boolean) => {
        const [own, other] = fromServer ? (['server', 'client'] as const) : (['client', 'server'] as const)
        this.#packet(port, fromServer, next[own], next[other], psh | ack, record)
        next[own] += record.length
      },
    }
  }

  close(): void {
    closeSync(this.#file)
  }

  #packet(
    port: number,
    fromServer: boolean,
    sequence: number,
    acknowledged: number,
    flags: number,
    data: Buffer,
  ): void {
    const size = ipBytes + tcpBytes + data.length
    const header = Buffer.alloc(16 + ipBytes + tcpBytes)
    header.writeUInt32LE(this.#packets++, 0) // seconds: only their order matters
    header.writeUInt32LE(size, 8)
    header.writeUInt32LE(size, 12)
    const ip = header.subarray(16)
    ip.writeUInt8(0x45, 0)
    ip.writeUInt16BE(size, 2)
    ip.writeUInt8(64, 8)
    ip.writeUInt8(6, 9)
    ip.writeUInt32BE(fromServer ? 0x7f000002 : 0x7f000001, 12)
    ip.writeUInt32BE(fromServer ? 0x7f000001 : 0x7f000002, 16)
    const tcp = ip.subarray(ipBytes)
    tcp.writeUInt16BE(fromServer ? serverPort : port, 0)
    tcp.writeUInt16BE(fromServer ? port : serverPort, 2)
    tcp.writeUInt32BE(sequence, 4)
    tcp.writeUInt32BE(acknowledged, 8)
    tcp.writeUInt8((tcpBytes / 4) << 4, 12)
    tcp.writeUInt8(flags, 13)
    tcp.writeUInt16BE(0xffff, 14)
    writeSync(this.#file, header)
    writeSync(this.#file, data)
  }
}
