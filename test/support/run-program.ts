import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import type { Test } from 'tap'
import type { PeerCommand } from './peers.js'

export interface ProgramResult<Output> {
  code: number | null
  output: Output
  stderr: string
}

/** Runs a program to its end, and lets `read` have what it prints. Its standard input gets `input`, and does not end. */
export async function runProgram<Output>(
  { command, args, env }: PeerCommand,
  ownArgs: string[],
  read: (stdout: Readable) => Promise<Output>,
  input?: string,
): Promise<ProgramResult<Output>> {
  const child = spawn(command, [...args, ...ownArgs], { env, stdio: 'pipe' })
  if (input === undefined) child.stdin.end()
  else child.stdin.on('error', () => {}).write(input) // where it does not read, its exit code tells
  const [output, stderr, [code]] = await Promise.all([read(child.stdout), text(child.stderr), once(child, 'close')])
  return { code, output, stderr }
}

/** Runs a program that is to end well, and answers with what it printed. */
export async function runWell(t: Test, peer: PeerCommand, ownArgs: string[]): Promise<Buffer> {
  const { code, output, stderr } = await runProgram(peer, ownArgs, buffer)
  t.equal(code, 0, `${peer.command} ends well`, { stderr })
  return output
}
