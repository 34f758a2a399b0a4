// Which mirror this machine's own apt uses, read from its sources in both formats, and the lines that name another
// Debian release on the same mirror. The machine's files are only read.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Debian makes backports for stable releases only, and takes them away some years later. */
const releasesWithBackports = ['bookworm', 'trixie']

const debianKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

/**
 * @typedef {object} Source
 * @property {string} uri
 * @property {string[]} suites
 * @property {string | undefined} signedBy
 */

/**
 * Lines of a sources.list for a release and the suites that go with it, from the machine's mirror.
 *
 * @param {string} release code name, as `bookworm`
 */
export function sourceLines(release) {
  const sources = machineSources()
  const archive = sources.find(({ suites }) => suites.some((suite) => !isSecurity(suite)))
  if (!archive) throw new Error('apt names no Debian mirror here: add one to /etc/apt/sources.list')
  const security = sources.find(({ suites }) => suites.some(isSecurity)) ?? {
    ...archive,
    uri: `${archive.uri.replace(/\/$/, '')}-security`,
  }
  return [
    sourceLine(archive, release),
    sourceLine(archive, `${release}-updates`),
    ...(releasesWithBackports.includes(release) ? [sourceLine(archive, `${release}-backports`)] : []),
    sourceLine(security, `${release}-security`),
  ]
}

/**
 * @param {Source} source
 * @param {string} suite
 */
function sourceLine({ uri, signedBy }, suite) {
  const keyring = signedBy ?? (existsSync(debianKeyring) ? debianKeyring : undefined)
  return `deb ${keyring ? `[signed-by=${keyring}] ` : ''}${uri} ${suite} main`
}

/** @param {string} suite */
function isSecurity(suite) {
  return /-security$|\/updates$/.test(suite)
}

/** @returns {Source[]} */
function machineSources() {
  const folder = '/etc/apt/sources.list.d'
  const names = existsSync(folder) ? readdirSync(folder).sort() : []
  return ['/etc/apt/sources.list', ...names.map((name) => join(folder, name))]
    .filter((path) => /\.(list|sources)$/.test(path) && existsSync(path))
    .flatMap((path) => {
      const text = readFileSync(path, 'utf8')
      return path.endsWith('.list') ? parseOneLineFormat(text) : parseDeb822(text)
    })
    .filter(isDebian)
}

/**
 * Other vendors' repositories stand in the same files. Debian's own are known by their suites' names.
 *
 * @param {Source} source
 */
function isDebian({ suites }) {
  return suites.some((suite) =>
    /^(buster|bullseye|bookworm|trixie|forky|sid|oldstable|stable|testing|unstable)([-/]|$)/.test(suite),
  )
}

/**
 * @param {string} text `deb [signed-by=...] URI SUITE COMPONENT...`
 * @returns {Source[]}
 */
function parseOneLineFormat(text) {
  return [...text.matchAll(/^[ \t]*deb[ \t]+(?:\[([^\]]*)\][ \t]*)?(\S+)[ \t]+(\S+)[ \t]+main\b/gm)].map(
    ([, options = '', uri, suite]) => ({ uri, suites: [suite], signedBy: /signed-by=(\S+)/.exec(options)?.[1] }),
  )
}

/**
 * @param {string} text paragraphs of `Field: value` (sources.list(5), DEB822-STYLE FORMAT)
 * @returns {Source[]}
 */
function parseDeb822(text) {
  const withoutComments = text.replace(/^#.*\n?/gm, '')
  return withoutComments.split(/\n[ \t]*\n/).flatMap((paragraph) => {
    /** @param {string} name */
    const field = (name) => new RegExp(`^${name}:[ \\t]*(.*(?:\\n[ \\t]+.*)*)`, 'im').exec(paragraph)?.[1].trim()
    const words = (/** @type {string} */ name) => field(name)?.split(/\s+/) ?? []
    if (!words('Types').includes('deb') || /^no$/i.test(field('Enabled') ?? 'yes')) return []
    if (!words('Components').includes('main')) return []
    const signedBy = field('Signed-By')
    // A key may stand in the field itself instead of a path; then Debian's own keyring is used.
    return words('URIs').map((uri) => ({
      uri,
      suites: words('Suites'),
      signedBy: signedBy?.startsWith('/') ? signedBy : undefined,
    }))
  })
}
