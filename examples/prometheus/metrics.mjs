// ktls-pipe's counters for Prometheus, by prom-client: read when they are scraped, so they cost nothing in between. They
// are those of this process (and thread): behind `cluster` each worker has its own.

import { getStats } from 'ktls-pipe'
import { Counter, Gauge } from 'prom-client'

/** @param {import('prom-client').Registry} registry */
export function registerMetrics(registry) {
  const counter = (name, help, label, samples) => {
    const labelNames = [label]
    new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset()
        for (const [value, count] of Object.entries(samples(getStats()))) this.inc({ [label]: value }, count)
      },
    })
  }
  counter('ktls_pipe_bytes_total', 'Bytes of files that the kernel has sent', 'engine', ({ bytes }) => bytes)
  counter('ktls_pipe_transfers_total', 'Files of which at least a part was offloaded', 'engine', ({ transfers }) => ({
    tls: transfers.tls,
    tcp: transfers.tcp,
  }))
  counter('ktls_pipe_sessions_total', 'TLS sessions, by who encrypts', 'encryption', ({ sessions }) => ({
    kernel: sessions.kernel,
    userspace: sessions.refused,
  }))
  counter('ktls_pipe_fallbacks_total', "Files that took Node's ordinary path", 'reason', ({ fallbacks }) => fallbacks)
  counter('ktls_pipe_failures_total', 'Offloaded files that did not come to their end', 'kind', ({ transfers }) => ({
    transfer: transfers.failed,
  }))
  new Gauge({
    name: 'ktls_pipe_active_transfers',
    help: 'Files of which bytes are on their way',
    registers: [registry],
    collect() {
      this.set(getStats().transfers.active)
    },
  })
}
