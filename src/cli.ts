#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { diagnose, formatFindings, isHealthy } from './observe/doctor.js'
import { inspectSupport } from './observe/support.js'

const usage = 'usage: ktls-pipe doctor [--json]'
const usageError = 2

/** Exit codes: 0 kernel TLS works, 1 it does not, 2 wrong arguments. */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ options: { json: { type: 'boolean' } }, allowPositionals: true })
  if (positionals.length !== 1 || positionals[0] !== 'doctor') {
    console.error(usage)
    return usageError
  }
  const report = await inspectSupport()
  const findings = diagnose(report)
  const text = values.json ? JSON.stringify({ ...report, findings }, null, 2) : formatFindings(findings, report)
  console.log(text)
  return isHealthy(report) ? 0 : 1
}

main().then(
  (exitCode) => {
    process.exitCode = exitCode
  },
  (error: unknown) => {
    const wrongOption = (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS') ?? false
    console.error(wrongOption ? `${(error as Error).message}\n${usage}` : error)
    process.exitCode = usageError
  },
)
