// What `npm run bench` can be told.

import { parseArgs } from 'node:util'
import { emulatedKernels } from '../kernel-vm/kernels.mjs'
import { vmKernel } from '../scripts/common/kernel-tls.mjs'
import { positiveNumber } from '../scripts/common/numbers.mjs'
import { benchmarks } from './benchmarks.mjs'
import { transports } from './transports.mjs'

const names = benchmarks.map(({ name }) => name)

export const usage = `usage: npm run bench [-- NAME... OPTION...]

Benchmarks: ${names.join(', ')}. All of them if none is named.

  --transport T     ${Object.keys(transports).join(', ')}; tcp if left out. TLS runs in the virtual machine where this
                    kernel has none
  --kernel K        ${emulatedKernels.join(', ')}: of the virtual machine; ${vmKernel} if left out
  --instructions    with TLS: the virtual machine's clock counts instructions instead of time
  --rounds N        measurements of each contender, in turn (5)
  --seconds N       how long a load lasts (4)
  --mebibytes N     the large file (2048; in the virtual machine 64)
  --write           writes the figures into bench/results/, as JSON
`

/** @param {string[]} argv */
export function parseOptions(argv) {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      transport: { type: 'string', default: 'tcp' },
      kernel: { type: 'string', default: vmKernel },
      instructions: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '4' },
      mebibytes: { type: 'string' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      // From outside the virtual machine to inside.
      here: { type: 'boolean', default: false },
    },
  })
  const unknown = positionals.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new Error(`There is no benchmark '${unknown}': ${names.join(', ')}.`)
  if (!Object.hasOwn(transports, values.transport)) {
    throw new Error(`--transport must be one of ${Object.keys(transports).join(', ')}, it is '${values.transport}'.`)
  }
  if (!emulatedKernels.includes(values.kernel)) {
    throw new Error(`--kernel must be one of ${emulatedKernels.join(', ')}, it is '${values.kernel}'.`)
  }
  return {
    names: positionals.length > 0 ? positionals : names,
    transport: values.transport,
    kernel: values.kernel,
    instructions: values.instructions,
    rounds: positiveNumber('rounds', values.rounds),
    seconds: positiveNumber('seconds', values.seconds),
    mebibytes: values.mebibytes === undefined ? undefined : positiveNumber('mebibytes', values.mebibytes),
    write: values.write,
    help: values.help,
    here: values.here,
  }
}
