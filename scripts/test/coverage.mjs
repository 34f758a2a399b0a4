// How much of src/ the tests reach, those on this machine and those under a kernel with TLS taken together.

import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CoverageReport } from 'monocart-coverage-reports'

const ofTap = '.tap/coverage'
const ofPrograms = '.tap/coverage-of-programs'
const scratch = '.tap/coverage-report'

/** Modules that src/ was compiled into: by tap one by one, into the package, and into what test programs share. */
const compiled = /\/src\/|\/dist\/(?!tap\.mjs$)/

/**
 * Where programs are to write what they reach (NODE_V8_COVERAGE): an empty folder.
 *
 * @param {string} root
 */
export async function programCoverageFolder(root) {
  const path = join(root, ofPrograms)
  await rm(path, { recursive: true, force: true })
  await mkdir(path, { recursive: true })
  return path
}

/**
 * @param {string} root
 * @returns {Promise<string>} in words
 */
export function readHostCoverage(root) {
  return readCoverage(root, [ofTap])
}

/**
 * @param {string} root
 * @returns {Promise<string>} in words
 */
export function readMergedCoverage(root) {
  return readCoverage(root, [ofTap, ofPrograms])
}

/**
 * Of lines, which are the same however a file was compiled; statements and branches of two compilations are not.
 *
 * @param {string} root
 * @param {string[]} folders with what V8 has written
 */
async function readCoverage(root, folders) {
  const report = new CoverageReport({
    reports: [['none']],
    outputDir: join(root, scratch),
    baseDir: root,
    entryFilter: ({ url }) => url.startsWith('file:') && compiled.test(url),
    sourceFilter: (path) =>
      fromSrc.test(path) && !path.includes('node_modules') && existsSync(join(root, sourcePath(path))),
    sourcePath,
    logging: 'error',
  })
  report.cleanCache()
  for (const folder of folders) await report.addFromDir(join(root, folder))
  const { summary } = /** @type {import('monocart-coverage-reports').CoverageResults} */ (await report.generate())
  return `${summary.lines.pct} % of lines`
}

const fromSrc = /^(?:.*\/)?(src\/.+\.ts)$/

/** The same name for a file, whichever module it was compiled into. @param {string} path */
function sourcePath(path) {
  return path.replace(fromSrc, '$1')
}
