// ktls-pipe's counters as OpenTelemetry metrics, and each offloaded file as a span. The package publishes to
// diagnostics channels and does not know of OpenTelemetry.

import { tracingChannel } from 'node:diagnostics_channel'
import { metrics, SpanStatusCode, trace } from '@opentelemetry/api'
import { getStats } from 'ktls-pipe'

const spanOf = Symbol('span')

/** Registers instruments with the meter provider that is set. */
export function observeMetrics() {
  const meter = metrics.getMeter('ktls-pipe')
  const counter = (name, description, unit, label, samples) => {
    meter.createObservableCounter(name, { description, unit }).addCallback((result) => {
      for (const [value, count] of Object.entries(samples(getStats()))) result.observe(count, { [label]: value })
    })
  }
  counter('ktls_pipe.bytes', 'Bytes of files that the kernel has sent', 'By', 'engine', ({ bytes }) => bytes)
  counter('ktls_pipe.sessions', 'TLS sessions, by who encrypts', '{session}', 'encryption', ({ sessions }) => ({
    kernel: sessions.kernel,
    userspace: sessions.refused,
  }))
  counter(
    'ktls_pipe.fallbacks',
    "Files that took Node's ordinary path",
    '{file}',
    'reason',
    ({ fallbacks }) => fallbacks,
  )
  meter
    .createObservableGauge('ktls_pipe.active_transfers', { description: 'Files of which bytes are on their way' })
    .addCallback((result) => result.observe(getStats().transfers.active))
}

/** Makes a span of each offloaded file, within the one of its request. Returns what ends that. */
export function traceTransfers() {
  const tracer = trace.getTracer('ktls-pipe')
  const channel = tracingChannel('ktls-pipe:transfer')
  const end = (message) => {
    const span = message.source[spanOf]
    if (span === undefined) return
    span.setAttribute('ktls_pipe.bytes', message.bytesSent)
    if (message.error) span.setStatus({ code: SpanStatusCode.ERROR, message: message.error.message })
    span.end()
  }
  const subscribers = {
    start({ source, engine }) {
      source[spanOf] = tracer.startSpan('ktls-pipe transfer', { attributes: { 'ktls_pipe.engine': engine } })
    },
    asyncEnd: end,
    error: end,
  }
  channel.subscribe(subscribers)
  return () => channel.unsubscribe(subscribers)
}
