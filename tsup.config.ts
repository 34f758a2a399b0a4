import { defineConfig } from 'tsup'

export default defineConfig({
  entry: { index: 'src/index.ts', register: 'src/register.ts', cli: 'src/cli.ts' },
  format: ['esm', 'cjs'],
  dts: true,
  sourcemap: true,
  clean: true,
  target: 'node20',
  platform: 'node',
  shims: true, // import.meta.url in the CommonJS build
  splitting: true, // index and register share one module instance, in CommonJS too
})
