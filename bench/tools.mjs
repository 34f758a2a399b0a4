// The programs that a benchmark needs besides Node, found (or unpacked into the cache) before it begins: inside the
// virtual machine nothing can be fetched.

import { debianTool } from '../kernel-vm/debian/tool.mjs'

/** @typedef {import('../kernel-vm/debian/tool.mjs').Tool} Tool */

const variable = 'KTLS_PIPE_BENCH_TOOLS'

/**
 * @param {{ kernelTls: boolean }} options
 * @returns {Promise<Record<string, Tool | undefined>>} undefined: it takes no part, for it cannot be had
 */
export async function findTools({ kernelTls }) {
  const given = process.env[variable]
  if (given !== undefined) return JSON.parse(given)
  const found = async (program, options) => {
    try {
      return await debianTool(program, options)
    } catch (error) {
      console.error(`Without ${program}: ${error.message}`)
      return undefined
    }
  }
  return {
    curl: await debianTool('curl'),
    wrk: await debianTool('wrk'),
    nginx: await found('nginx', kernelTls ? { release: 'trixie' } : {}),
  }
}

/** For a process in which they cannot be looked for. @param {Record<string, Tool | undefined>} tools */
export function toolsAsEnvironment(tools) {
  const portable = Object.entries(tools).map(([name, tool]) => [name, tool && { ...tool, env: essential(tool.env) }])
  return { [variable]: JSON.stringify(Object.fromEntries(portable)) }
}

/** @param {NodeJS.ProcessEnv} env */
function essential({ PATH, LD_LIBRARY_PATH }) {
  return { PATH, LD_LIBRARY_PATH }
}
