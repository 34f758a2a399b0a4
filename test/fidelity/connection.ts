import type { Server, Socket } from 'node:net'
import { describeBytes } from './client.js'
import type { Stage } from './stage.js'

const headEnd = '\r\n\r\n'

/** The client's end of a connection, which reads only what it is asked to, and understands HTTP/1.1. */
export class Connection {
  readonly socket: Socket
  #kept: Buffer = Buffer.alloc(0)
  #hadError = false
  #ended = false

  static async open(stage: Stage, server: Server, options?: { allowHalfOpen: boolean }): Promise<Connection> {
    return new Connection(await stage.connect(server, options))
  }

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('end', () => {
      this.#ended = true
    })
    socket.on('error', () => {
      this.#hadError = true
    })
    socket.pause()
  }

  /** Sends requests, all at once. */
  ask(...paths: string[]): void {
    this.socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''))
  }

  async get(path: string): Promise<object> {
    this.ask(path)
    return this.answer()
  }

  /** The first bytes are there. */
  async begun(): Promise<void> {
    await this.#have(1)
  }

  /** Takes so many bytes more from the network, and keeps them. */
  async readSome(bytes: number): Promise<void> {
    await this.#have(this.#kept.length + bytes)
  }

  async take(bytes: number): Promise<Buffer> {
    await this.#have(bytes)
    const taken = this.#kept.subarray(0, bytes)
    this.#kept = this.#kept.subarray(bytes)
    return taken
  }

  async head(): Promise<string> {
    while (!this.#kept.includes(headEnd)) {
      if (!(await this.#have(this.#kept.length + 1))) return `cut off: ${this.#kept}`
    }
    return (await this.take(this.#kept.indexOf(headEnd) + headEnd.length)).toString('latin1')
  }

  /** One answer, whatever its framing. */
  async answer(): Promise<object> {
    const head = await this.head()
    const length = /^content-length: (\d+)/im.exec(head)?.[1]
    if (length !== undefined) return this.#answered(head, await this.take(Number(length)), Number(length))
    if (/^transfer-encoding: chunked/im.test(head)) return this.#chunked(head)
    return this.#answered(head, (await this.ended()).bytes)
  }

  /** All that comes until the connection ends. */
  async rest(): Promise<object> {
    const answers: object[] = []
    while ((await this.#have(5)) && this.#kept.subarray(0, 5).toString() === 'HTTP/') answers.push(await this.answer())
    const { bytes, hadError } = await this.ended()
    return { answers, bytes: describeBytes(bytes), hadError }
  }

  async ended(): Promise<{ bytes: Buffer; hadError: boolean }> {
    await this.#have(Number.POSITIVE_INFINITY)
    const bytes = await this.take(this.#kept.length)
    return { bytes, hadError: this.#hadError }
  }

  async #chunked(head: string): Promise<object> {
    const parts: Buffer[] = []
    for (;;) {
      const size = Number.parseInt(await this.#line(), 16)
      if (Number.isNaN(size)) return this.#answered(head, Buffer.concat(parts), Number.POSITIVE_INFINITY)
      if (size === 0) break
      parts.push(await this.take(size))
      await this.#line()
    }
    let trailers = ''
    for (let line = await this.#line(); line !== ''; line = await this.#line()) trailers += `${line}\n`
    return { ...this.#answered(head, Buffer.concat(parts)), trailers }
  }

  #answered(head: string, body: Buffer, length = body.length): object {
    return { head, body: describeBytes(body), ...(body.length < length ? { cutOff: true } : {}) }
  }

  async #line(): Promise<string> {
    while (!this.#kept.includes('\r\n')) {
      if (!(await this.#have(this.#kept.length + 1))) return ''
    }
    return (await this.take(this.#kept.indexOf('\r\n') + 2)).subarray(0, -2).toString('latin1')
  }

  /** Whether so many bytes are there: less only when the connection has ended. */
  async #have(bytes: number): Promise<boolean> {
    const parts = [this.#kept]
    let size = this.#kept.length
    while (size < bytes) {
      const chunk = this.socket.read() as Buffer | null
      if (chunk !== null) {
        parts.push(chunk)
        size += chunk.length
      } else if (this.#ended || this.socket.closed) {
        break
      } else {
        await this.#readable()
      }
    }
    this.#kept = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
    return size >= bytes
  }

  #readable(): Promise<void> {
    return new Promise((resolve) => {
      const settle = () => {
        this.socket.off('readable', settle).off('end', settle).off('close', settle)
        resolve()
      }
      this.socket.on('readable', settle).on('end', settle).on('close', settle)
    })
  }
}
