import { cpuPerGib, throughput } from './benchmark.mjs'
import { measureDownloads } from './large.mjs'

const streams = [1, 8, 64, 512]
const kibibyte = 1024
const mebibyte = kibibyte * kibibyte
const sizes = [64 * kibibyte, mebibyte, 16 * mebibyte, 256 * mebibyte, 4096 * mebibyte]
const connections = 8

/** @type {import('./benchmark.mjs').Benchmark} */
export const growth = {
  name: 'growth',
  title: 'Cost per byte as streams and sizes grow',
  metrics: [cpuPerGib, throughput],
  cases: ({ workspace, emulated }) => [
    ...streams
      .filter((count) => !emulated || count < 512)
      .map((count) => ({ name: `${count} streams`, file: workspace.large, connections: count })),
    ...sizes
      .filter((size) => !emulated || size <= 16 * mebibyte)
      .map((size) => ({ name: sizeName(size), file: workspace.ofSize(size), connections })),
  ],
  measure: measureDownloads,
}

function sizeName(bytes) {
  return bytes < mebibyte ? `${bytes / kibibyte} KiB` : `${bytes / mebibyte} MiB`
}
