import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** What a child says next. That it ends instead is an error. */
export async function nextMessage<Message>(child: ChildProcess): Promise<Message> {
  const heard = new AbortController()
  const { signal } = heard
  try {
    return (await Promise.race([
      once(child, 'message', { signal }).then(([message]) => message),
      once(child, 'exit', { signal }).then(([code, name]) => {
        throw new Error(`${child.spawnargs.at(-1)} ended by ${code ?? name}, and had nothing to say`)
      }),
    ])) as Message
  } finally {
    heard.abort()
  }
}
