#!/usr/bin/env node
import { parseArgs, styleText } from 'node:util'
import { examine } from './doctor/doctor.js'
import { diagnose } from './doctor/findings.js'
import { formatFindings, type Paint } from './doctor/format.js'
import { prepare } from './install.js'

const usage = `usage: ktls-pipe doctor [--json] [--url URL]

Tells whether files over TLS can be encrypted by the kernel here, and if not, what to do about it.

  --json      for programs: docs/doctor.schema.json
  --url URL   looks at a server on this host, too: is the file behind URL encrypted by the kernel?

Exit codes: 0 nothing is in the way, 1 something is, 2 wrong arguments.`
const usageError = 2

/** Exit codes: 0 nothing is in the way of kernel TLS, 1 something is, 2 wrong arguments. */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'boolean' }, url: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const url = values.url === undefined ? undefined : parseUrl(values.url)
  if (positionals.length !== 1 || positionals[0] !== 'doctor' || url === null) {
    console.error(usage)
    return usageError
  }
  prepare() // the loopback transfer's session is to be handed over
  const report = await examine(url)
  const findings = diagnose(report)
  const healthy = findings.every(({ ok }) => ok)
  const asJson = () => JSON.stringify({ healthy, ...report, findings }, null, 2)
  console.log(values.json ? asJson() : formatFindings(findings, report, paint()))
  return healthy ? 0 : 1
}

/** Null if it is none that can be fetched. */
function parseUrl(text: string): URL | null {
  const url = URL.canParse(text) ? new URL(text) : null
  return url !== null && /^https?:$/.test(url.protocol) ? url : null
}

/** Colours, unless the output is no terminal or the environment forbids them (no-color.org). */
function paint(): Paint {
  return process.stdout.isTTY && process.stdout.hasColors() ? styleText : (_color, text) => text
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
