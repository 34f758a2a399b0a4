import { defineConfig } from 'tsup'

export default defineConfig({
  entry: ['index', 'register', 'cli', 'express', 'koa', 'fastify'].map((name) => `src/${name}.ts`),
  format: ['esm', 'cjs'],
  dts: true,
  sourcemap: true,
  clean: true,
  target: 'node20',
  platform: 'node',
  shims: true, // import.meta.url in the CommonJS build
  splitting: true, // the entries share one module instance, in CommonJS too
})
