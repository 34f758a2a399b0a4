import { explainFallback } from '../fallback-reason.js'
import type { DoctorReport } from './doctor.js'
import type { Finding } from './finding.js'

/** Green and red, where they can be seen. */
export type Paint = (color: 'green' | 'red', text: string) => string

/** One line a finding, one line a fix, and a verdict. */
export function formatFindings(findings: readonly Finding[], { support }: DoctorReport, paint: Paint): string {
  const lines = findings.flatMap(({ requirement, ok, found, fix }) => [
    `${ok ? paint('green', 'ok  ') : paint('red', 'FAIL')} ${requirement}: ${found}`,
    ...(fix === undefined ? [] : [`     fix: ${fix}`]),
  ])
  const verdict =
    support.reason === undefined
      ? 'Kernel TLS works: files are encrypted by the kernel.'
      : `Kernel TLS is not used (${support.reason}): ${explainFallback(support.reason)}. Node's ordinary path is used.`
  return [...lines, verdict].join('\n')
}
