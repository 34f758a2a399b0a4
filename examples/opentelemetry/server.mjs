// Serves files over https, and prints the metrics and spans of ktls-pipe as an exporter would send them.

import { createServer } from 'node:https'
import { join, resolve } from 'node:path'
import { metrics, trace } from '@opentelemetry/api'
import { ConsoleMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, ConsoleSpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import express from 'express'
import 'ktls-pipe/register'
import { loadCertificate } from '../express/certificate.mjs'
import { observeMetrics, traceTransfers } from './metrics.mjs'

const folder = resolve(process.env.FILES_DIRECTORY ?? join(import.meta.dirname, '../express/files'))
const exportIntervalMillis = Number(process.env.OTEL_METRIC_EXPORT_INTERVAL ?? 10_000)
const exportTimeoutMillis = exportIntervalMillis

const reader = new PeriodicExportingMetricReader({
  exporter: new ConsoleMetricExporter(),
  exportIntervalMillis,
  exportTimeoutMillis,
})
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
trace.setGlobalTracerProvider(
  new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(new ConsoleSpanExporter())] }),
)
observeMetrics()
traceTransfers()

const app = express()
app.use('/files', express.static(folder))

const server = createServer(await loadCertificate(), app)
server.listen(Number(process.env.PORT ?? 8443), '127.0.0.1', () => {
  console.log(`listening on https://localhost:${server.address().port}`)
})
