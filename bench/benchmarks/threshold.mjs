import { nodeAtAnySize, plainNode } from '../contenders/node.mjs'
import { cpuPerRequest, requestRate } from './benchmark.mjs'
import { measureRequests } from './small.mjs'

const kibibytes = [16, 32, 64, 96, 128]

/**
 * From which size on it is worth while: the package with its thresholds at 0, beside plain Node.
 *
 * @type {import('./benchmark.mjs').Benchmark}
 */
export const threshold = {
  name: 'threshold',
  title: 'Small files, offloaded at any size',
  metrics: [requestRate, cpuPerRequest],
  ownProcesses: true,
  contenders: [plainNode, nodeAtAnySize],
  cases: ({ workspace }) =>
    [true, false].flatMap((keepAlive) =>
      kibibytes.map((size) => ({
        name: `${size} KiB, ${keepAlive ? 'kept alive' : 'a connection each'}`,
        paths: [`/files/${workspace.ofSize(size * 1024)}`],
        keepAlive,
      })),
    ),
  measure: measureRequests,
}
