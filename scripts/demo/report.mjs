// From measurements to a table and a verdict.

import { formatTable } from './table.mjs'

const bytesPerGib = 2 ** 30
const headings = ['engine', 'kernel encrypted', 'MB/s', 'CPU s/GiB (server)', 'CPU s/GiB (machine)', 'ratio']

/** One line per engine; every figure is the median of its measured downloads. */
export function summarize({ bytes, engines }) {
  const [plain, ...others] = engines.map(({ name, withPackage, downloads }) => {
    const measured = downloads.filter(({ isWarmUp }) => !isWarmUp)
    const perGib = (key) => (median(measured.map((download) => download[key])) * bytesPerGib) / bytes
    return {
      name,
      kernelEncrypted: describeEncryption(measured, withPackage),
      megabytesPerSecond: bytes / 1e6 / median(measured.map(({ seconds }) => seconds)),
      serverCpuPerGib: perGib('serverCpuSeconds'),
      machineCpuPerGib: perGib('machineCpuSeconds'),
    }
  })
  return [plain, ...others].map((engine) => ({ ...engine, ratio: ratioTo(plain, engine) }))
}

export function formatReport(result) {
  const { kernel, node, cpuCount, cipher, client, mebibytes, rounds, emulated } = result.conditions
  const downloads = result.engines.flatMap((engine) => engine.downloads)
  const intact = downloads.filter(({ isIntact }) => isIntact).length
  const rows = summarize(result).map((engine) => [
    engine.name,
    engine.kernelEncrypted,
    engine.megabytesPerSecond.toFixed(1),
    engine.serverCpuPerGib.toFixed(2),
    engine.machineCpuPerGib.toFixed(2),
    engine.ratio.toFixed(2),
  ])
  return [
    `Linux ${kernel}, Node ${node}, ${cpuCount} CPUs, ${cipher}; ${mebibytes} MiB over loopback, fetched by ${client}.`,
    ...(emulated ? ['This machine is software emulation: compare the two lines, and with nothing else.'] : []),
    '',
    formatTable(headings, rows),
    '',
    `Median of ${rounds} downloads each after warming up. The machine's CPU time is less the client's.`,
    'The ratio is that of CPU time to plain Node, the worse of the two readings.',
    `SHA-256: ${intact} of ${downloads.length} downloads equal the file.`,
  ].join('\n')
}

/** What is wrong with the result, in sentences; an empty list is success. */
export function judge(result, { maximumRatio }) {
  const complaints = []
  for (const { name, downloads } of result.engines) {
    const damaged = downloads.filter(({ isIntact }) => !isIntact).length
    if (damaged > 0) complaints.push(`${name}: ${damaged} downloads differ from the file.`)
  }
  const [, offloading] = summarize(result)
  if (offloading.kernelEncrypted !== 'yes') {
    const { fallbacks } = result.engines[1].downloads.at(-1)
    complaints.push(`The kernel did not encrypt every download; reasons counted: ${JSON.stringify(fallbacks)}.`)
  }
  if (maximumRatio !== undefined && !(offloading.ratio <= maximumRatio)) {
    complaints.push(
      `CPU time is ${offloading.ratio.toFixed(3)} of plain Node's; at most ${maximumRatio} was asked for.`,
    )
  }
  return complaints
}

// 'yes' needs two witnesses for every download: the kernel's count of sessions and the server's own of transfers.
function describeEncryption(downloads, withPackage) {
  const bySessions = downloads.filter(({ kernelSessions }) => kernelSessions > 0).length
  const byTransfers = downloads.filter(({ kernelTransfers }) => kernelTransfers > 0).length
  if (bySessions === 0 && byTransfers === 0) return 'no'
  if (withPackage && bySessions === downloads.length && byTransfers === downloads.length) return 'yes'
  return `in doubt (kernel ${bySessions}, server ${byTransfers} of ${downloads.length})`
}

function ratioTo(plain, engine) {
  return Math.max(engine.serverCpuPerGib / plain.serverCpuPerGib, engine.machineCpuPerGib / plain.machineCpuPerGib)
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
