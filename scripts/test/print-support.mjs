// What the package finds of this kernel and this Node.js, as JSON.

import { inspectSupport } from '../../dist/index.js'

console.log(JSON.stringify(await inspectSupport()))
