/** An independent program that tests talk to. Started as `spawn(command, [...args, ...yours], { env })`. */
export interface PeerCommand {
  command: string
  /** What stands before the program's own arguments. */
  args: string[]
  env: NodeJS.ProcessEnv
}

export type Peer = 'curl' | 'wget' | 'openssl' | 'python3' | 'gnutls-cli' | 'tshark'

/**
 * The program from the PATH, unless KTLS_PIPE_CURL, KTLS_PIPE_WGET and so on name another one: a JSON array with the
 * command and what stands before its own arguments. The test command sets these where a machine lacks the program.
 */
export function peerCommand(peer: Peer): PeerCommand {
  const variable = peerVariable(peer)
  const chosen = process.env[variable]
  if (!chosen) return { command: peer, args: [], env: process.env }
  const [command, ...args] = parseWords(variable, chosen)
  return { command, args, env: process.env }
}

/** `gnutls-cli` is KTLS_PIPE_GNUTLS_CLI. */
export function peerVariable(peer: Peer): string {
  return `KTLS_PIPE_${peer.toUpperCase().replaceAll('-', '_')}`
}

function parseWords(variable: string, text: string): [string, ...string[]] {
  const words: unknown = JSON.parse(text)
  if (Array.isArray(words) && words.length > 0 && words.every((word) => typeof word === 'string')) {
    return words as [string, ...string[]]
  }
  throw new TypeError(`${variable} must be a JSON array of words, it is ${text}`)
}
