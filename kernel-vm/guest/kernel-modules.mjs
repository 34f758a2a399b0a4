// The modules a guest may need, with all they depend on, and the two tables by which modprobe finds them. Debian makes
// these tables when it installs a kernel; here they come from the same place as depmod's: the modules' own .modinfo.

import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { debianTool } from '../debian/tool.mjs'
import { run } from '../subprocess.mjs'

/** Loaded in this order before the host's root can be mounted, where they are not built in. */
export const bootModules = ['virtio_pci', 'virtio_console', '9pnet_virtio', '9p', 'overlay']

/** Loaded before the command, where it is to find kernel TLS ready. */
export const tlsModules = ['gcm', 'ccm', 'chacha20poly1305', 'tls']

/** Likewise, first, where the kernel has the processor to itself. */
export const x86CipherModules = ['aesni_intel', 'ghash_clmulni_intel']

/** There for whoever asks, by modprobe or by the kernel itself. */
const otherModules = [
  'tcp_diag inet_diag unix_diag af_packet veth dummy tun virtio_rng',
  'sch_netem sch_tbf sch_fq tcp_bbr nf_tables nft_compat xt_TCPMSS algif_aead algif_skcipher crc32c_intel',
].flatMap((names) => names.split(' '))

/** Ciphers are asked for by algorithm, never by module: these folders are taken whole. */
const wholeFolders = /\/(crypto|arch\/x86\/crypto|lib\/crypto)\//

/**
 * @typedef {object} Module
 * @property {string} name with underscores, as in /proc/modules
 * @property {Buffer} content
 * @property {string[]} needs names of the modules it cannot do without
 * @property {string[]} aliases
 */

/**
 * Reads the chosen modules and what they need. Packed ones are unpacked in place.
 *
 * @param {string} folder lib/modules/VERSION of an unpacked kernel package
 * @returns {Promise<Map<string, Module>>}
 */
export async function readModules(folder) {
  const available = await findModules(join(folder, 'kernel'))
  const folders = [...available].filter(([, path]) => wholeFolders.test(path)).map(([name]) => name)
  /** @type {Map<string, Module>} */
  const modules = new Map()
  let wanted = new Set([...bootModules, ...x86CipherModules, ...tlsModules, ...otherModules, ...folders])
  while (wanted.size) {
    // A name that is not available is built into this kernel, or not part of it yet.
    const paths = [...wanted].flatMap((name) => available.get(name) ?? [])
    await unxzFiles(paths.filter((path) => path.endsWith('.xz')))
    for (const path of paths) {
      const module = parseModule(moduleName(path), await readFile(path.replace(/\.xz$/, '')))
      modules.set(module.name, module)
    }
    const needed = [...modules.values()].flatMap(({ needs }) => needs)
    wanted = new Set(needed.filter((name) => available.has(name) && !modules.has(name)))
  }
  return modules
}

/** @param {string[]} paths files NAME.xz, each replaced by NAME */
async function unxzFiles(paths) {
  if (!paths.length) return
  const { command, args, env } = await debianTool('xz')
  await run(command, [...args, '-d', ...paths], { env })
}

/**
 * @param {string} folder
 * @returns {Promise<Map<string, string>>} paths by name
 */
async function findModules(folder) {
  const entries = await readdir(folder, { recursive: true })
  const paths = entries.filter((entry) => /\.ko(\.xz)?$/.test(entry)).map((entry) => join(folder, entry))
  return new Map(paths.map((path) => [moduleName(path), path]))
}

/** @param {string} path */
function moduleName(path) {
  return basename(path)
    .replace(/\.ko(\.xz)?$/, '')
    .replaceAll('-', '_')
}

/**
 * @param {string} name
 * @param {Buffer} content
 * @returns {Module}
 */
function parseModule(name, content) {
  const text = content.toString('latin1')
  /** @param {string} field */
  const values = (field) =>
    [...text.matchAll(new RegExp(`(?<=\\0)${field}=([^\\0]*)(?=\\0)`, 'g'))].map(([, value]) => value)
  const depends = values('depends').flatMap((list) => list.split(','))
  const before = values('softdep').flatMap((list) => /pre: (.*?)(?= post:|$)/.exec(list)?.[1].split(' ') ?? [])
  const needs = [...depends, ...before].filter(Boolean).map((other) => other.replaceAll('-', '_'))
  return { name, content, needs, aliases: values('alias') }
}

/**
 * modules.dep, whose lines name a module and all it needs, the next needed first.
 *
 * @param {Map<string, Module>} modules
 */
export function dependencyTable(modules) {
  const rows = [...modules.keys()].map((name) => {
    const needs = allNeeds(modules, name).map((need) => ` ${need}.ko`)
    return `${name}.ko:${needs.join('')}\n`
  })
  return rows.join('')
}

/**
 * @param {Map<string, Module>} modules
 * @param {string} name
 * @returns {string[]} each before those it needs itself
 */
function allNeeds(modules, name) {
  const needs = (modules.get(name)?.needs ?? []).filter((need) => modules.has(need))
  const later = needs.flatMap((need) => allNeeds(modules, need))
  return [...new Set([...needs.filter((need) => !later.includes(need)), ...later])]
}

/** @param {Map<string, Module>} modules */
export function aliasTable(modules) {
  const rows = [...modules.values()].flatMap(({ name, aliases }) => aliases.map((alias) => `alias ${alias} ${name}\n`))
  return rows.join('')
}
