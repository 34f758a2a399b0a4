// `npm run demo`: downloads a large file over https from the Express example, with plain Node and with ktls-pipe, and
// prints what each cost. Where this machine's kernel has no TLS, the comparison runs in the project's kernel VM.
//
//   npm run demo -- --mebibytes=256 --rounds=5 --maximum-ratio=0.40

import { kernelHasTls, runInVm, vmKernel } from './common/kernel-tls.mjs'
import { buildPackage } from './common/npm.mjs'
import { exitOnSignals } from './common/programs.mjs'
import { Progress } from './common/progress.mjs'
import { compare } from './demo/compare.mjs'
import { buildKernelAlone } from './demo/kernel-alone.mjs'
import { parseOptions, toArguments } from './demo/options.mjs'
import { formatReport, judge } from './demo/report.mjs'

const vmTimeoutMs = 25 * 60_000

const progress = new Progress(process.stderr)
exitOnSignals()
try {
  const options = parseOptions(process.argv.slice(2))
  process.exitCode = options.here ? await compareHere(options) : await buildAndCompare(options)
} catch (error) {
  progress.end()
  console.error(error.message)
  process.exitCode = 1
}

async function buildAndCompare(options) {
  progress.step('building the package (npm run build)')
  await buildPackage()
  await buildKernelAlone()
  if (await kernelHasTls()) return compareHere(options)
  progress.end()
  console.log(
    `This machine's kernel offers no TLS (\`npx ktls-pipe doctor\` says why), so the demo runs on Linux ${vmKernel} in a ` +
      'software emulator: allow a few minutes.',
  )
  return compareInVm(options)
}

async function compareHere(options) {
  const result = await compare(options, progress)
  progress.end()
  console.log(formatReport(result))
  const complaints = judge(result, options)
  for (const complaint of complaints) console.error(complaint)
  return complaints.length === 0 ? 0 : 1
}

async function compareInVm(options) {
  const words = ['scripts/demo.mjs', ...toArguments({ ...options, here: true, emulated: true })]
  const { exitCode, timedOut } = await runInVm(words, { timeoutMs: vmTimeoutMs })
  if (timedOut) console.error(`The VM was stopped after ${vmTimeoutMs / 60_000} minutes.`)
  return exitCode
}
