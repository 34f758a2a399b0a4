// What the binaries in the tarball ask of a system.

import { existsSync } from 'node:fs'
import t from 'tap'
import { runCleanWell } from '../support/packed-package.js'
import { loadTool, projectFile } from '../support/project.js'

interface Targets {
  targets: { arch: string }[]
  oldestGlibc: number[]
  prebuiltPath(arch: string): string
}

const { targets, oldestGlibc, prebuiltPath } = (await loadTool('scripts/prebuilds/targets.mjs')) as Targets

for (const { arch } of targets) {
  const path = projectFile(prebuiltPath(arch))
  const mayLack = !existsSync(path) && process.env.KTLS_PIPE_EXPECTED !== '1'
  const skip = mayLack && 'not built here (npm run prebuilds, on Debian 12 or 13)'
  t.test(`the binary for ${arch}`, { skip }, async (t) => {
    const readelf = (option: string) => runCleanWell(t, projectFile(), 'readelf', ['--wide', option, path])
    const symbols = (await readelf('--dyn-syms')).split('\n').filter((line) => /^\s*\d+:/.test(line))

    const versions = symbols.flatMap((line) => /@GLIBC_([\d.]+)/.exec(line)?.[1] ?? [])
    t.ok(versions.length > 10, 'it says what it needs of the C library')
    const tooNew = versions.filter((version) => isAbove(version.split('.').map(Number), oldestGlibc))
    t.same(tooNew, [], `nothing above ${oldestGlibc.join('.')}`)
    t.notMatch(symbols.join('\n'), /@(GLIBCXX|CXXABI|GCC)_/, 'the C++ library is inside')

    const needed = [...(await readelf('--dynamic')).matchAll(/NEEDED.*\[(.*)\]/g)].map(([, library]) => library)
    t.ok(needed.includes('libc.so.6'))
    for (const library of needed) t.match(library, /^(lib(c|m|pthread|dl)|ld-linux-.*)\.so\.\d$/)

    const shown = symbols.filter((line) => !/\bUND\b/.test(line) && /\b(GLOBAL|WEAK)\b/.test(line))
    t.same(
      shown.map((line) => line.trim().split(/\s+/)[7]).sort(),
      ['napi_register_module_v1', 'node_api_module_get_api_version_v1'],
      'and shows nothing but what Node.js asks for',
    )
  })
}

function isAbove(version: number[], [major = 0, minor = 0]: number[]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version
  return ownMajor > major || (ownMajor === major && ownMinor > minor)
}
