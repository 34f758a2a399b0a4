// What the demo can be told on its command line.

import { parseArgs } from 'node:util'
import { positiveNumber } from '../common/numbers.mjs'

const defaultMebibytes = { hardware: 512, emulator: 128 }
const defaultRounds = 5

const flags = {
  mebibytes: { type: 'string' }, // size of the file
  rounds: { type: 'string' }, // measured downloads per engine
  'maximum-ratio': { type: 'string' }, // fail when ktls-pipe's CPU per GiB is a larger part of plain Node's, and not near the kernel's own
  here: { type: 'boolean', default: false }, // no build, no VM: compare on the kernel that is running
  emulated: { type: 'boolean', default: false }, // that kernel runs in an emulator
}

export function parseOptions(argv) {
  const { values } = parseArgs({ args: argv, options: flags })
  const { here, emulated } = values
  return {
    here,
    emulated,
    mebibytes: positive('mebibytes', values.mebibytes),
    rounds: positive('rounds', values.rounds) ?? defaultRounds,
    maximumRatio: positive('maximum-ratio', values['maximum-ratio']),
  }
}

/** The same options as a command line, for the demo that runs inside the VM. */
export function toArguments({ here, emulated, mebibytes, rounds, maximumRatio }) {
  const flags = [`--rounds=${rounds}`]
  if (here) flags.push('--here')
  if (emulated) flags.push('--emulated')
  if (mebibytes !== undefined) flags.push(`--mebibytes=${mebibytes}`)
  if (maximumRatio !== undefined) flags.push(`--maximum-ratio=${maximumRatio}`)
  return flags
}

export function fileSize({ mebibytes, emulated }) {
  return Math.round((mebibytes ?? (emulated ? defaultMebibytes.emulator : defaultMebibytes.hardware)) * 2 ** 20)
}

function positive(name, text) {
  return text === undefined ? undefined : positiveNumber(name, text)
}
