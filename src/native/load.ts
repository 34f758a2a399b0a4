import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { release } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FallbackReason } from '../fallback-reason.js'
import { currentSettings } from '../options.js'
import { sharedSlot } from '../shared-state.js'
import type { NativeBinding } from './binding.js'

/** The addon, or why there is none. */
export type LoadedBinding =
  | { binding: NativeBinding }
  | { binding: undefined; reason: FallbackReason; cause: Error | undefined }

const packageName = 'ktls-pipe'
const oldestKernel = [5, 4] as const

/** Loads the addon on the first call of this thread; afterwards the same answer. */
export function loadBinding(): LoadedBinding {
  return sharedSlot('binding', load)
}

function load(): LoadedBinding {
  if (currentSettings().disabled) return without('disabled')
  if (process.platform !== 'linux') return without('platform-unsupported')
  const { bun, deno, electron } = process.versions
  if (bun ?? deno ?? electron) return without('runtime-unsupported')
  // The one question that is not answered by trying: before 5.4 partial records could stall or be sent twice.
  if (isOlderThan(release(), oldestKernel)) return without('kernel-too-old')
  try {
    const binding = requireAddon()
    const missing = binding.missingOpenSslFunctions()
    if (missing.length === 0) return { binding }
    return without('runtime-unsupported', new Error(`this OpenSSL lacks ${missing.join(', ')}`))
  } catch (error) {
    const disabled = (error as NodeJS.ErrnoException).code === 'ERR_DLOPEN_DISABLED'
    return without(disabled ? 'addons-disabled' : 'addon-unavailable', error as Error)
  }
}

function without(reason: FallbackReason, cause?: Error): LoadedBinding {
  return { binding: undefined, reason, cause }
}

function requireAddon(): NativeBinding {
  const require = createRequire(import.meta.url)
  const find = require('node-gyp-build') as (folder: string) => NativeBinding
  return find(join(packageRoot(require), 'native'))
}

// This file is found in src/native/ by tests and bundled into dist/; who bundles it into a program of his own has left
// the addon where the package is installed.
function packageRoot(require: NodeJS.Require): string {
  const nearest = nearestPackage(dirname(fileURLToPath(import.meta.url)))
  if (nearest?.name === packageName) return nearest.folder
  return dirname(require.resolve(`${packageName}/package.json`))
}

function nearestPackage(folder: string): { folder: string; name: string | undefined } | undefined {
  const path = join(folder, 'package.json')
  if (existsSync(path)) return { folder, name: JSON.parse(readFileSync(path, 'utf8')).name }
  return dirname(folder) === folder ? undefined : nearestPackage(dirname(folder))
}

/** Compares a release such as '6.12.9-amd64' with a major and minor number. */
export function isOlderThan(kernelRelease: string, [major, minor]: readonly [number, number]): boolean {
  const [foundMajor = 0, foundMinor = 0] = kernelRelease.split('.').map((part) => Number.parseInt(part, 10))
  return foundMajor < major || (foundMajor === major && foundMinor < minor)
}
