// What `npm test` is asked for.

import { parseArgs } from 'node:util'
import { kernels } from '../../kernel-vm/kernels.mjs'

export const suites = Object.freeze(['native', 'host', 'package', 'kernel', 'soak'])

/** Those that last long. */
const fullSuites = ['soak']

export const usage = `usage: npm test [-- OPTION...]

Builds the package and runs its tests: on this machine and, for kernel TLS, on other kernels in a virtual machine, or
directly where this machine's kernel has TLS. The last line is \`N passed, N failed\`.

  --full           every kernel with every Node.js version, sanitizers, soaks, the demo (npm run test:full)
  --only SUITE     ${suites.join(', ')}; several with commas
  --kernel KERNEL  ${kernels.join(', ')}: what does not take minutes, on these kernels only (may be given several times)
  --node MAJOR     20, 22, 24, 26: the same for versions of Node.js
  --grep TEXT      only the test files whose path has this in it; on the first kernel and version if none are named
  --test NAME      only the tests of that name at the top of their file; a regular expression as /.../i
  --results FILE   notes in it what came of each kernel and Node.js; what other runs have noted stays
  --no-build       the package is built already
`

/**
 * @typedef {object} Options
 * @property {boolean} full
 * @property {Set<string>} suites
 * @property {string[]} kernels
 * @property {number[]} nodes
 * @property {string} [grep]
 * @property {string} [test]
 * @property {string} [results]
 * @property {boolean} build
 */

/**
 * @param {string[]} words
 * @returns {Options}
 * @throws {TypeError} when it makes no sense
 */
export function parseOptions(words) {
  const { values } = parseArgs({
    args: words,
    options: {
      full: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      kernel: { type: 'string', multiple: true, default: [] },
      node: { type: 'string', multiple: true, default: [] },
      grep: { type: 'string' },
      test: { type: 'string' },
      results: { type: 'string' },
      'no-build': { type: 'boolean', default: false },
    },
  })
  const only = separated(values.only)
  const onVersions = [...values.kernel, ...values.node].length > 0
  const usual = values.full ? suites : suites.filter((suite) => !fullSuites.includes(suite))
  return {
    full: values.full,
    suites: new Set(oneOf('--only', only.length > 0 ? only : onVersions ? ['kernel'] : usual, suites)),
    kernels: oneOf('--kernel', separated(values.kernel), kernels),
    nodes: separated(values.node).map((text) => major(text)),
    grep: values.grep,
    test: values.test,
    results: values.results,
    build: !values['no-build'],
  }
}

/** @param {string[]} texts */
function separated(texts) {
  return texts.flatMap((text) => text.split(','))
}

/**
 * @param {string} option
 * @param {readonly string[]} given
 * @param {readonly string[]} allowed
 */
function oneOf(option, given, allowed) {
  const wrong = given.find((value) => !allowed.includes(value))
  if (wrong !== undefined) throw new TypeError(`${option} must be one of ${allowed.join(', ')}, it is '${wrong}'`)
  return [...given]
}

/** @param {string} text */
function major(text) {
  if (!/^\d+$/.test(text)) throw new TypeError(`--node must be a major version of Node.js, it is '${text}'`)
  return Number(text)
}
