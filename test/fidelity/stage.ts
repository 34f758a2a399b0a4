import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import tls from 'node:tls'
import type { FallbackReason } from 'ktls-pipe'
import type { Scheme } from '../support/http-client.js'
import type { Files } from './files.js'
import type { Package } from './package.js'
import { Recorder } from './recorder.js'

/** Longer than a case takes on a slow machine. */
const longMs = 10 * 60_000
const settlesWithinMs = 500

export interface Setting {
  scheme: Scheme
  files: Files
  certificate: { key: string; cert: string }
  package: Package | undefined
}

export interface Offload {
  /** The kernel was given a range, of which nothing is counted if it is cut within its first system call. */
  hasBegun: boolean
  bytesOffloaded: number
  reasons: FallbackReason[]
  /** Of the process, so far. */
  sessionsRefused: number
}

/** Where one case plays: servers, clients, files and what was seen. All of it goes when the case is over. */
export class Stage {
  readonly record = new Recorder()
  readonly scheme: Scheme
  readonly files: Files
  readonly #setting: Setting
  readonly #servers = new Set<net.Server>()
  readonly #sockets = new Set<net.Socket>()
  readonly #destinations = new Set<object>()

  constructor(setting: Setting) {
    this.scheme = setting.scheme
    this.files = setting.files
    this.#setting = setting
  }

  get package(): Package | undefined {
    return this.#setting.package
  }

  /** An HTTP server; how files went into its responses will be asked. */
  async serveHttp(listener: http.RequestListener, options: https.ServerOptions = {}): Promise<http.Server> {
    const server =
      this.scheme === 'https'
        ? https.createServer({ ...this.#setting.certificate, ...options }, listener)
        : http.createServer(options, listener)
    server.keepAliveTimeout = longMs
    server.on('request', (_request, response) => this.#destinations.add(response))
    await this.#listen(server)
    return server
  }

  /** A server of sockets: of TLS where the case plays over https. */
  async serveSockets(listener: (socket: net.Socket) => void, options: tls.TlsOptions = {}): Promise<net.Server> {
    const noted = (socket: net.Socket) => {
      this.#destinations.add(socket)
      listener(socket)
    }
    const server =
      this.scheme === 'https'
        ? tls.createServer({ ...this.#setting.certificate, ...options }, noted)
        : net.createServer({ allowHalfOpen: options.allowHalfOpen === true }, noted)
    await this.#listen(server)
    return server
  }

  /** What the offloading of an object is to be judged by, beside responses and sockets of the servers. */
  judge(destination: object): void {
    this.#destinations.add(destination)
  }

  /** A client's connection, ready to be written to. */
  async connect(server: net.Server, { allowHalfOpen } = { allowHalfOpen: false }): Promise<net.Socket> {
    const { port } = server.address() as AddressInfo
    const secure = this.scheme === 'https'
    // The types of tls.connect() do not know of allowHalfOpen.
    const options = { port, host: '127.0.0.1', allowHalfOpen, rejectUnauthorized: false }
    const socket = secure ? tls.connect(options) : net.connect(options)
    this.#keep(socket)
    await once(socket, secure ? 'secureConnect' : 'connect')
    return socket
  }

  /** A request of Node's own client, not yet ended. */
  request(server: http.Server, options: https.RequestOptions = {}): http.ClientRequest {
    const { port } = server.address() as AddressInfo
    const { request, Agent } = this.scheme === 'https' ? https : http
    // Kept: a client that closes as soon as it has the body may be faster than the server's 'finish'.
    const agent = new Agent({ keepAlive: true })
    const outgoing = request({ host: '127.0.0.1', port, rejectUnauthorized: false, agent, ...options })
    outgoing.on('socket', (socket) => this.#keep(socket))
    return outgoing
  }

  /** What was offloaded; a range that was cut is counted when its sender has let go of it. */
  async offload(): Promise<Offload> {
    const { package: loaded } = this
    if (loaded === undefined) return { hasBegun: false, bytesOffloaded: 0, reasons: [], sessionsRefused: 0 }
    const endsAt = Date.now() + settlesWithinMs
    for (;;) {
      const states = [...this.#destinations].map((object) => loaded.getOffloadState(object))
      const bytesOffloaded = states.reduce((sum, state) => sum + state.bytesOffloaded, 0)
      const reasons = states.flatMap(({ fallbackReason }) => fallbackReason ?? [])
      if (bytesOffloaded > 0 || reasons.length > 0 || Date.now() > endsAt) {
        const hasBegun = [...this.#destinations].some((object) => loaded.hasBegun(object))
        return { hasBegun, bytesOffloaded, reasons, sessionsRefused: loaded.sessionsRefused() }
      }
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  async close(): Promise<void> {
    const closed = [...this.#servers].map((server) => server.listening && once(server, 'close'))
    for (const server of this.#servers) server.close()
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(closed)
  }

  async #listen(server: net.Server): Promise<void> {
    this.#servers.add(server)
    server.on('connection', (socket) => this.#keep(socket))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  }

  #keep(socket: net.Socket): void {
    this.#sockets.add(socket)
    // After the case: what it wants to know of errors it watches itself.
    socket.on('error', () => {})
  }
}
