// The shell script that init.sh reads first: what to share, what to load, what to run.

import { readFileSync } from 'node:fs'

/**
 * @typedef {object} GuestCommand
 * @property {string} command
 * @property {string[]} args
 * @property {string} cwd
 * @property {Record<string, string>} env
 * @property {number} [uid] whom it runs as; root if left out
 */

/**
 * @param {GuestCommand & { writable: string[], modules: string[], endMark: string }} settings
 * @returns {string}
 */
export function guestSettings({ writable, modules, endMark, uid, ...command }) {
  const variables = {
    writable: writable.map((path, index) => `writable${index} ${path}`).join('\n'),
    modules: modules.join(' '),
    end_mark: endMark,
    run_as: uid === undefined ? '' : `/usr/bin/setpriv --reuid=${uid} --regid=${groupOf(uid)} --clear-groups`,
    command: commandScript(command),
  }
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${quote(value)}\n`)
    .join('')
}

/** @param {Omit<GuestCommand, 'uid'>} command */
function commandScript({ command, args, cwd, env }) {
  return [
    ...Object.entries(env).map(([name, value]) => `export ${name}=${quote(value)}`),
    'export PATH="$PATH:/run/ktls-pipe/bin"',
    `cd ${quote(cwd)} || exit 125`,
    `exec ${[command, ...args].map(quote).join(' ')}`,
    '',
  ].join('\n')
}

/** @param {string} word */
function quote(word) {
  return `'${word.replaceAll("'", "'\\''")}'`
}

/** @param {number} uid */
function groupOf(uid) {
  return new RegExp(`^[^:]*:[^:]*:${uid}:(\\d+):`, 'm').exec(readFileSync('/etc/passwd', 'utf8'))?.[1] ?? uid
}
