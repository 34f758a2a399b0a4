// Where and when something was measured.

import { cpus, release } from 'node:os'
import { plainTcp } from './transports.mjs'

/** @param {{ tls?: import('./transports.mjs').TlsTransport, emulated: boolean, instructions: boolean }} options */
export function describeConditions({ tls, emulated, instructions }) {
  const [{ model }] = cpus()
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: emulated ? `QEMU's software emulation${instructions ? ', counting instructions' : ''}` : model.trim(),
    processors: cpus().length,
    kernel: release(),
    node: process.version,
    openssl: process.versions.openssl,
    transport: tls?.name ?? plainTcp,
    emulated,
    instructions,
  }
}

/** One line of it. @param {ReturnType<typeof describeConditions>} conditions */
export function conditionsLine({ date, machine, processors, kernel, node, openssl, transport, emulated }) {
  const figures = emulated ? ' Emulated: compare the lines with each other, and with nothing else.' : ''
  return (
    `${transport} over loopback; Linux ${kernel}, Node.js ${node} (OpenSSL ${openssl}), ${processors} processors: ` +
    `${machine}; ${date}.${figures}`
  )
}
