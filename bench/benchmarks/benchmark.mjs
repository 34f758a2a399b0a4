// What a benchmark is.

/**
 * @typedef {object} Metric
 * @property {string} title
 * @property {string} unit
 * @property {'less' | 'more'} better
 * @property {{ key: string, of?: string }[]} readings of the same thing; the one that speaks worst for a contender counts
 * @property {number} [digits]
 */

/**
 * @typedef {object} Context
 * @property {import('../workspace.mjs').Workspace} workspace
 * @property {Record<string, import('../tools.mjs').Tool | undefined>} tools
 * @property {import('../transports.mjs').TlsTransport | undefined} tls
 * @property {boolean} emulated
 * @property {number} seconds how long a load lasts
 */

/**
 * @typedef {object} Usual the contenders that take part if a benchmark does not choose
 * @property {import('../contenders/contender.mjs').Contender[]} node
 * @property {import('../contenders/contender.mjs').Contender[]} nginx none where it cannot be had
 */

/**
 * @typedef {object} Benchmark
 * @property {string} name
 * @property {string} title
 * @property {Metric[]} metrics the first one is drawn
 * @property {(context: Context) => (object & { name: string })[]} cases
 * @property {(context: Context) => number} [nginxWorkers] 1 if left out
 * @property {'case' | 'measurement'} [newProcesses] what begins with processes in which nothing else happened before
 * @property {boolean} [startsCold] nothing is measured before, to warm up
 * @property {(usual: Usual) => import('../contenders/contender.mjs').Contender[]} [contenders] the usual ones if left out
 * @property {(context: Context, server: import('../contenders/contender.mjs').Server, given: any)
 *   => Promise<Record<string, number>>} measure
 */

/** @type {Metric} */
export const throughput = {
  title: 'throughput',
  unit: 'MB/s',
  better: 'more',
  readings: [{ key: 'megabytesPerSecond' }],
  digits: 1,
}

/** @type {Metric} */
export const cpuPerGib = {
  title: 'CPU time per GiB',
  unit: 's/GiB',
  better: 'less',
  readings: [
    { key: 'serverCpuPerGib', of: 'server' },
    { key: 'machineCpuPerGib', of: 'machine' },
  ],
  digits: 3,
}

/** @type {Metric} */
export const requestRate = {
  title: 'requests',
  unit: '1/s',
  better: 'more',
  readings: [{ key: 'requestsPerSecond' }],
  digits: 0,
}

/** @type {Metric} */
export const cpuPerRequest = {
  title: 'CPU time per request',
  unit: 'µs',
  better: 'less',
  readings: [
    { key: 'serverCpuPerRequest', of: 'server' },
    { key: 'machineCpuPerRequest', of: 'machine' },
  ],
  digits: 0,
}

/** @type {Metric[]} */
export const latencies = ['p50', 'p99'].map((key) => ({
  title: `latency ${key}`,
  unit: 'ms',
  better: 'less',
  readings: [{ key }],
  digits: 2,
}))
