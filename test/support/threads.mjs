import { readdirSync, readFileSync } from 'node:fs'

const tasks = '/proc/self/task'

/** The names of this process's threads (proc_pid_comm(5)). */
export function threadNames() {
  return ofEachThread('comm').map((name) => name.trim())
}

/**
 * What `/proc/PID/task/TID/FILE` says of each of this process's threads.
 * @param {string} file
 */
export function ofEachThread(file) {
  return readdirSync(tasks).flatMap((task) => {
    try {
      return [readFileSync(`${tasks}/${task}/${file}`, 'latin1')]
    } catch (error) {
      // It has ended since it was listed.
      if (error.code === 'ENOENT' || error.code === 'ESRCH') return []
      throw error
    }
  })
}
