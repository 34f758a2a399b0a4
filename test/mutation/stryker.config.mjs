// `npm run test:mutation`: small changes in src/pipe and src/socket, one at a time, each of which some unit test has to
// notice. Those that none notices are printed, and in report/mutation.json.

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: ['src/pipe/**/*.ts', 'src/socket/**/*.ts'],
  buildCommand: 'node test/mutation/compile.mjs',
  testRunner: 'tap',
  tap: { testFiles: ['test/dist/unit/pipe/*.mjs', 'test/dist/unit/socket/*.mjs'], nodeArgs: [] },
  plugins: ['@stryker-mutator/tap-runner'],
  coverageAnalysis: 'perTest',
  // Those tests read nothing of it, and each process has a copy of the project.
  ignorePatterns: ['/bench', '/docs', '/examples', '/kernel-vm', '/native/test/build', '/test/frameworks'],
  reporters: ['clear-text', 'json'],
  jsonReporter: { fileName: 'test/mutation/report/mutation.json' },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  timeoutMS: 20_000, // of a mutant that loops for ever
}
