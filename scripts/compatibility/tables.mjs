// The tables of docs/compatibility.md, each between two comments.

import { isUserMode, kernels } from '../../kernel-vm/kernels.mjs'
import { host, majorOf } from './results.mjs'

/**
 * @typedef {import('./results.mjs').Results} Results
 * @typedef {import('./results.mjs').Cell} Cell
 * @typedef {import('./results.mjs').KernelTls} KernelTls
 */

const rows = [...kernels, host]

/** @type {Record<string, (results: Results) => string>} */
const makers = { tests: testsTable, failures: failuresList, ciphers: ciphersTable }

const place = /<!-- compatibility: (\w+) -->\n.*?<!-- end -->/gs

/**
 * @param {string} document
 * @param {Results} results
 * @returns {string} the document with the tables of these
 */
export function withTables(document, results) {
  return document.replace(place, (_, name) => {
    if (!Object.hasOwn(makers, name)) throw new Error(`There is no table '${name}': ${Object.keys(makers).join(', ')}.`)
    return `<!-- compatibility: ${name} -->\n\n${makers[name](results)}\n\n<!-- end -->`
  })
}

/** @param {Results} results */
function testsTable({ cells }) {
  const majors = unique(cells.map(({ node }) => majorOf(node))).sort((a, b) => a - b)
  const heading = majors.map((major) => {
    const own = cells.filter(({ node }) => majorOf(node) === major)
    return `Node.js ${unique(own.map(({ node, openssl }) => `${node.slice(1)}, OpenSSL ${openssl}`)).join('; ')}`
  })
  const body = rows.map((kernel) => {
    const own = cells.filter((cell) => cell.kernel === kernel)
    const releases = unique(own.map(({ release }) => release))
    const shown = majors.map((major) => formatCell(own.find(({ node }) => majorOf(node) === major)))
    return [nameOf(kernel, releases), ...shown]
  })
  return table(['Kernel', ...heading], body)
}

/** @param {Cell} [cell] */
function formatCell(cell) {
  if (cell === undefined) return 'not tried'
  const { passed, failed, skipped, files, of, asked, date } = cell
  const narrowed = asked === '' ? '' : ` (\`${asked}\`)`
  return [
    `${passed} passed, ${failed > 0 ? `**${failed} failed**` : '0 failed'}, ${skipped} skipped`,
    `${files === of ? `all ${of} files` : `part: ${files} of ${of} files`}${narrowed}`,
    date,
  ].join('<br>')
}

/** @param {Results} results */
function failuresList({ cells }) {
  const lines = cells.flatMap(({ kernel, node, failures }) =>
    failures.map((failure) => `- ${kernel}, Node.js ${node.slice(1)}: ${failure}`),
  )
  return lines.length === 0 ? 'None failed.' : lines.join('\n')
}

/** @param {Results} results */
function ciphersTable({ kernels: measured }) {
  const body = rows.map((kernel) => {
    const own = measured.find((each) => each.kernel === kernel)
    if (own === undefined) return [nameOf(kernel, []), ...Array(4).fill('not tried')]
    const { release, ciphers, rekey, date } = own
    const of = (/** @type {string} */ version) => formatCiphers(ciphers.filter((cipher) => cipher.version === version))
    const keys = ciphers.some(({ available }) => available) ? (rekey ? 'new keys' : 'the connection ends') : '-'
    return [nameOf(kernel, [release]), of('TLSv1.2'), of('TLSv1.3'), keys, date]
  })
  return table(['Kernel', 'TLS 1.2', 'TLS 1.3', 'KeyUpdate', 'Asked on'], body)
}

/** @param {KernelTls['ciphers']} ciphers */
function formatCiphers(ciphers) {
  const taken = ciphers.filter(({ available }) => available).map(({ cipher }) => cipher)
  const refused = ciphers.filter(({ available }) => !available)
  if (taken.length === 0) return `none (${unique(refused.map(({ error }) => error)).join(', ')})`
  return [...taken, ...refused.map(({ cipher, error }) => `not ${cipher} (${error})`)].join(', ')
}

/**
 * @param {string} kernel
 * @param {string[]} releases
 */
function nameOf(kernel, releases) {
  const machine = kernel === host ? 'the machine itself' : isUserMode(kernel) ? 'user mode' : 'QEMU'
  return `${kernel}: ${[...releases, machine].join(', ')}`
}

/**
 * @param {string[]} headings
 * @param {string[][]} body
 */
function table(headings, body) {
  return [headings, headings.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/**
 * @template Item
 * @param {Item[]} items
 */
function unique(items) {
  return [...new Set(items)]
}
