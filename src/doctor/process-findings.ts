import type { SupportReport } from '../observe/support.js'
import { type Finding, fail, pass } from './finding.js'

const flags = process.allowedNodeEnvironmentFlags
/** The doctor, under the permission model. */
export const withPermissions = [
  'node',
  flags.has('--permission') ? '--permission' : '--experimental-permission',
  ...['--allow-addons', '--allow-net'].filter((flag) => flags.has(flag)),
  '"--allow-fs-read=*" node_modules/.bin/ktls-pipe doctor',
].join(' ')

export function operatingSystem({ platform, architecture, kernel, reason }: SupportReport): Finding {
  const found = `${platform} ${architecture}, kernel ${kernel}`
  if (platform !== 'linux') return fail('operating system', found, 'run it on Linux: kernel TLS exists nowhere else')
  if (reason === 'kernel-too-old') return fail('operating system', found, 'use Linux 5.4 or newer')
  return pass('operating system', found)
}

export function runtime({ node, openssl, reason, addon }: SupportReport): Finding {
  const found = `Node ${node}, OpenSSL ${openssl}`
  if (reason !== 'runtime-unsupported') return pass('runtime', found)
  return fail('runtime', `${found} ${addon.error ?? ''}`.trim(), 'run it with Node.js 20.19 or newer and OpenSSL 3')
}

export function permissionModel({ reason }: SupportReport): Finding {
  return pass('permission model', reason === 'addons-disabled' ? 'on, and keeps addons out' : 'on')
}

export function addon({ addon, reason }: SupportReport, permissionModel: boolean): Finding {
  if (addon.loaded) return pass('addon', 'loaded')
  const found = firstLine(addon.error) ?? `not loaded (${reason})`
  switch (reason) {
    case 'disabled':
      return fail('addon', found, 'unset KTLS_PIPE_DISABLE')
    case 'addons-disabled':
      return fail('addon', found, permissionModel ? withPermissions : 'start node without --no-addons')
    case 'addon-unavailable':
      // Where files may not be read the addon is not found, either.
      return fail('addon', found, permissionModel ? withPermissions : 'npm explore ktls-pipe -- npm run build:native')
    default:
      return fail('addon', found, 'see the line above')
  }
}

export function fips({ fips }: SupportReport): Finding {
  if (!fips) return pass('FIPS mode', 'off')
  return fail('FIPS mode', 'on', 'start node without --enable-fips and --force-fips, and without FIPS in openssl.cnf')
}

export function environment({ addon, environment, reason }: SupportReport): Finding[] {
  const tlsIsOff = reason === 'disabled' && addon.loaded // with KTLS_PIPE_DISABLE it is not even loaded
  return [
    ...(tlsIsOff ? [fail('environment KTLS_PIPE_TLS', 'files over TLS are not offloaded', 'unset KTLS_PIPE_TLS')] : []),
    ...environment.malformed.map(({ name, value, expected }) =>
      fail(`environment ${name}`, `'${value}' is ignored, it must be ${expected}`, instead(name, expected)),
    ),
  ]
}

function instead(name: string, expected: string): string {
  return expected === '0 or 1' ? `export ${name}=0 # or 1, or unset it` : `unset ${name}`
}

function firstLine(text: string | undefined): string | undefined {
  return text?.split('\n', 1)[0]
}
