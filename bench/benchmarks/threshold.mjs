import { nodeAtAnySize, plainNode } from '../contenders/node.mjs'
import { cpuPerRequest, requestRate } from './benchmark.mjs'
import { measureRequests, ofSizes } from './small.mjs'

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
  newProcesses: 'case',
  contenders: () => [plainNode, nodeAtAnySize],
  cases: ({ workspace }) => ofSizes(kibibytes, workspace),
  measure: measureRequests,
}
