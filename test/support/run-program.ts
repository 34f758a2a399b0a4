import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { buffer, text } from 'node:stream/consumers'
import type { Test } from 'tap'
import type { PeerCommand } from './peers.js'

export interface ProgramResult {
  code: number | null
  stdout: Buffer
  stderr: string
}

/** Runs a program to its end. */
export async function runProgram({ command, args, env }: PeerCommand, ownArgs: string[]): Promise<ProgramResult> {
  const child = spawn(command, [...args, ...ownArgs], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code]] = await Promise.all([buffer(child.stdout), text(child.stderr), once(child, 'close')])
  return { code, stdout, stderr }
}

/** Runs a program that is to end well, and answers with what it printed. */
export async function runWell(t: Test, peer: PeerCommand, ownArgs: string[]): Promise<Buffer> {
  const { code, stdout, stderr } = await runProgram(peer, ownArgs)
  t.equal(code, 0, `${peer.command} ends well`, { stderr })
  return stdout
}
