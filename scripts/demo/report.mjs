// From measurements to a table and a verdict.

import { median } from '../common/statistics.mjs'
import { formatTable } from '../common/table.mjs'

const bytesPerGib = 2 ** 30
// A server answers a TLS handshake and a request besides, in an emulator a tenth of a second for each download; and noise.
const nearTheKernel = 1.25
const headings = ['engine', 'kernel encrypted', 'MB/s', 'CPU s/GiB (server)', 'CPU s/GiB (machine)', 'ratio']

/** One line per engine; every figure is the median of its measured downloads. */
function summarize({ bytes, engines, kernelAlone }) {
  const [plain, ...others] = engines.map(({ name, withPackage, downloads }) => {
    const measured = downloads.filter(({ isWarmUp }) => !isWarmUp)
    const perGib = (key) => (medianOf(measured, key) * bytesPerGib) / bytes
    return {
      name,
      kernelEncrypted: describeEncryption(measured, withPackage),
      megabytesPerSecond: bytes / 1e6 / medianOf(measured, 'seconds'),
      serverCpuPerGib: perGib('serverCpuSeconds'),
      machineCpuPerGib: perGib('machineCpuSeconds'),
    }
  })
  return {
    servers: [plain, ...others].map((engine) => ({ ...engine, ratio: ratioTo(plain, engine) })),
    kernelAlone: summarizeKernelAlone(kernelAlone, bytes, plain),
  }
}

// Its receiver is no client that decrypts and writes, so only the sender's own time can be compared.
function summarizeKernelAlone(passes, bytes, plain) {
  const measured = passes.filter(({ isWarmUp }) => !isWarmUp)
  const cpuPerGib = (medianOf(measured, 'cpuSeconds') * bytesPerGib) / bytes
  return {
    megabytesPerSecond: bytes / 1e6 / medianOf(measured, 'seconds'),
    cpuPerGib,
    ratio: cpuPerGib / plain.serverCpuPerGib,
  }
}

export function formatReport(result) {
  const { kernel, node, cpuCount, cipher, client, mebibytes, rounds, emulated } = result.conditions
  const downloads = result.engines.flatMap((engine) => engine.downloads)
  const intact = downloads.filter(({ isIntact }) => isIntact).length
  const { servers, kernelAlone } = summarize(result)
  const rows = servers.map((engine) => [
    engine.name,
    engine.kernelEncrypted,
    engine.megabytesPerSecond.toFixed(1),
    engine.serverCpuPerGib.toFixed(2),
    engine.machineCpuPerGib.toFixed(2),
    engine.ratio.toFixed(2),
  ])
  rows.push([
    'kernel alone',
    'yes',
    kernelAlone.megabytesPerSecond.toFixed(1),
    kernelAlone.cpuPerGib.toFixed(2),
    '-',
    kernelAlone.ratio.toFixed(2),
  ])
  return [
    `Linux ${kernel}, Node ${node}, ${cpuCount} CPUs, ${cipher}; ${mebibytes} MiB over loopback, fetched by ${client}.`,
    ...(emulated
      ? ['This machine is software emulation: compare the lines with each other, and with nothing else.']
      : []),
    '',
    formatTable(headings, rows),
    '',
    `Median of ${rounds} downloads each after warming up. The machine's CPU time is less the client's.`,
    'The ratio is that of CPU time to plain Node, the worse of the two readings.',
    'The kernel alone is a bare sendfile(2) loop over kernel TLS: no server can need less on this machine.',
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
  const { servers, kernelAlone } = summarize(result)
  const [, offloading] = servers
  if (offloading.kernelEncrypted !== 'yes') {
    const { fallbacks } = result.engines[1].downloads.at(-1)
    complaints.push(`The kernel did not encrypt every download; reasons counted: ${JSON.stringify(fallbacks)}.`)
  }
  if (maximumRatio !== undefined) {
    // Where encryption alone costs so much that no server could keep the limit, being near the kernel alone is enough.
    const limit = Math.max(maximumRatio, nearTheKernel * kernelAlone.ratio)
    if (!(offloading.ratio <= limit)) {
      complaints.push(
        `CPU time is ${offloading.ratio.toFixed(3)} of plain Node's; at most ${limit.toFixed(3)} was asked for ` +
          `(${maximumRatio}, or ${nearTheKernel} times what the kernel alone needs).`,
      )
    }
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

function medianOf(records, key) {
  return median(records.map((record) => record[key]))
}
