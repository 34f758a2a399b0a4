// node https-client.mjs --output FILE URL: downloads and prints the seconds it took, as the demo asks curl to.

import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { get } from 'node:https'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({ options: { output: { type: 'string' } }, allowPositionals: true })

const startedAt = performance.now()
const request = get(positionals[0], { agent: false, rejectUnauthorized: false })
const [response] = await once(request, 'response')
if (response.statusCode !== 200) throw new Error(`The server answered ${response.statusCode}.`)
await pipeline(response, createWriteStream(values.output))
process.stdout.write(((performance.now() - startedAt) / 1000).toFixed(6))
