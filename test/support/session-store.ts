import type { Server } from 'node:tls'

/** Keeps a server's sessions in memory, for clients that have no tickets. Answers with the ids it is asked for. */
export function rememberSessions(server: Server): string[] {
  const sessions = new Map<string, Buffer>()
  const asked: string[] = []
  server.on('newSession', (id: Buffer, data: Buffer, done: () => void) => {
    sessions.set(id.toString('hex'), data)
    setImmediate(done)
  })
  server.on('resumeSession', (id: Buffer, done: (error: Error | null, data: Buffer | null) => void) => {
    asked.push(id.toString('hex'))
    setImmediate(done, null, sessions.get(id.toString('hex')) ?? null)
  })
  return asked
}
