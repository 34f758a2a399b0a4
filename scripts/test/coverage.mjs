// How much of src/ the tests reach, those on this machine and those under a kernel with TLS taken together.

import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CoverageReport } from 'monocart-coverage-reports'

const ofTap = '.tap/coverage'
const ofHost = '.tap/coverage-of-host'
const ofPrograms = '.tap/coverage-of-programs'
const scratch = '.tap/coverage-report'

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
export async function readHostCoverage(root) {
  // tap begins anew with each run.
  await rm(join(root, ofHost), { recursive: true, force: true })
  await rename(join(root, ofTap), join(root, ofHost))
  return readCoverage(root, [ofHost])
}

/**
 * @param {string} root
 * @returns {Promise<string>} in words
 */
export function readMergedCoverage(root) {
  return readCoverage(root, [ofHost, ofPrograms])
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
    // What src/ was compiled into: by tap file by file, into the package, and into what test programs share.
    entryFilter: ({ url }) =>
      ['src', 'dist', 'test/dist'].some((folder) => url.startsWith(pathToFileURL(join(root, folder, '/')).href)),
    sourceFilter: (path) => path.startsWith('src/'),
    sourcePath: (path) => (path.includes('node_modules') ? path : path.replace(/^.*\/(?=src\/.+\.ts$)/, '')),
    logging: 'error',
  })
  report.cleanCache()
  for (const folder of folders) await report.addFromDir(join(root, folder))
  const results = /** @type {import('monocart-coverage-reports').CoverageResults} */ (await report.generate())
  const lines = results.files
    .filter(({ sourcePath }) => sourcePath.startsWith('src/'))
    .map(({ summary }) => summary.lines)
  const covered = lines.reduce((sum, file) => sum + file.covered, 0)
  const total = lines.reduce((sum, file) => sum + file.total, 0)
  return `${((covered / total) * 100).toFixed(2)} % of ${total} lines`
}
