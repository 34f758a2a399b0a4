import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import tls, { type TlsOptions } from 'node:tls'
import type { Test } from 'tap'
import { certificate } from './certificate.js'

/** Listens on a free port of the loopback interface; gone, with its connections, when the test ends. */
export async function listen(t: Test, server: net.Server): Promise<number> {
  const sockets = new Set<net.Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  })
  return (server.address() as AddressInfo).port
}

export interface RunningServer<T> {
  server: T
  port: number
}

export async function startHttps(
  t: Test,
  listener: http.RequestListener,
  options: https.ServerOptions = {},
): Promise<RunningServer<https.Server>> {
  const server = https.createServer({ ...(await certificate()), ...options }, listener)
  return { server, port: await listen(t, server) }
}

export async function startHttp(
  t: Test,
  listener: http.RequestListener,
  options: http.ServerOptions = {},
): Promise<RunningServer<http.Server>> {
  const server = http.createServer(options, listener)
  return { server, port: await listen(t, server) }
}

export async function startTls(
  t: Test,
  listener: (socket: tls.TLSSocket) => void,
  options: TlsOptions = {},
): Promise<RunningServer<tls.Server>> {
  const server = tls.createServer({ ...(await certificate()), ...options }, listener)
  return { server, port: await listen(t, server) }
}

export async function startTcp(t: Test, listener: (socket: net.Socket) => void): Promise<RunningServer<net.Server>> {
  const server = net.createServer(listener)
  return { server, port: await listen(t, server) }
}
