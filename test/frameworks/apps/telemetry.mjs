import { createRequire } from 'node:module'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import express from 'express'
import { listening } from '../listen.mjs'

/** Replaces functions of node:https, for the whole process. */
function instrument() {
  const instrumentation = new HttpInstrumentation({
    requestHook: (_span, request) => {
      request.isTraced = true
    },
  })
  instrumentation.setTracerProvider(
    new TracerProvider({ spanProcessors: [new SimpleSpanProcessor(new InMemorySpanExporter())] }),
  )
  return createRequire(import.meta.url)('node:https')
}

/** @type {import('../app.mjs').App[]} */
export const apps = [
  {
    packages: ['express', '@opentelemetry/instrumentation-http'],
    what: 'HttpInstrumentation, with express.static',
    start({ folder, credentials }) {
      const https = instrument()
      const app = express()
        .use((request, response, next) => {
          response.setHeader('X-Traced', String(request.isTraced))
          next()
        })
        .use(express.static(folder))
      return listening(https.createServer(credentials, app))
    },
  },
]
