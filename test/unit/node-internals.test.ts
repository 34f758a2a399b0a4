import http from 'node:http'
import net from 'node:net'
import t from 'tap'
import { loadedModule } from '../../src/node-internals.js'
import { root, runNode } from './fixtures/child.js'

t.test('loadedModule: what is loaded already', async (t) => {
  t.equal(loadedModule('net'), net)
  t.equal(loadedModule('http'), http)
  t.equal(loadedModule('net'), loadedModule('net'))
})

t.test('loadedModule: asking loads nothing; what is loaded later is found later', async (t) => {
  // The loaders of a test load much themselves, so this is done without them.
  const source = `
    const { stripTypes } = { stripTypes: (text) => text.replace(/^import type.*$/gm, '') }
    const { readFileSync } = await import('node:fs')
    const { transpileModule } = (await import('typescript')).default
    const text = stripTypes(readFileSync('src/node-internals.ts', 'utf8'))
    const { outputText } = transpileModule(text, { compilerOptions: { target: 'es2022', module: 'es2022' } })
    const { loadedModule } = await import('data:text/javascript,' + encodeURIComponent(outputText))
    const answers = () => ['net', 'tls', 'http', 'http2'].map((name) => loadedModule(name) !== undefined)
    const listed = () => process.moduleLoadList.filter((name) => /^NativeModule (net|tls|http2|_http_outgoing)$/.test(name))
    const found = [answers(), listed()]
    await import('node:net'); found.push(answers())
    await import('node:tls'); found.push(answers())
    await import('node:https'); found.push(answers())
    const { OutgoingMessage } = await import('node:http'); found.push(loadedModule('http').OutgoingMessage === OutgoingMessage)
    await import('node:http2'); found.push(answers())
    console.log(JSON.stringify(found))`
  const { stdout, stderr } = await runNode(['--input-type=module', '--eval', source], { cwd: root })
  t.equal(stderr, '')
  t.strictSame(JSON.parse(stdout), [
    [false, false, false, false],
    [],
    [true, false, false, false],
    [true, true, false, false],
    [true, true, true, false],
    true,
    [true, true, true, true],
  ])
})
