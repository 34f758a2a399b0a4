import { readdirSync, readFileSync } from 'node:fs'

const tasks = '/proc/self/task'

/** The names of this process's threads (proc_pid_comm(5)). */
export function threadNames() {
  return readdirSync(tasks).flatMap((task) => {
    try {
      return [readFileSync(`${tasks}/${task}/comm`, 'utf8').trim()]
    } catch (error) {
      // It has ended since it was listed.
      if (error.code === 'ENOENT' || error.code === 'ESRCH') return []
      throw error
    }
  })
}
