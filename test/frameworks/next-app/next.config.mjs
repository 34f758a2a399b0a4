import { join } from 'node:path'

/** @type {import('next').NextConfig} */
export default {
  // The folder that holds node_modules; otherwise a lockfile further up is taken for it.
  outputFileTracingRoot: join(import.meta.dirname, '..'),
}
