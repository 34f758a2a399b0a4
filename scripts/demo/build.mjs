// Builds the package as `npm run build` does; what the build prints is shown only if it fails.

import { run } from '../common/programs.mjs'

export async function build(root) {
  const packageManager = process.env.npm_execpath // set by npm for its scripts
  const [command, ...args] = packageManager ? [process.execPath, packageManager] : ['npm']
  await run(command, [...args, 'run', 'build'], { cwd: root })
}
