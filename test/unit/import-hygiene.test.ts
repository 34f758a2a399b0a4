import t from 'tap'
import { built, type ChildOptions, type Ended, runScript } from './fixtures/child.js'

// What of the process a module could leave its traces on, before and after it is imported.
const look = `
  import events from 'node:events'
  import fs from 'node:fs'
  import { createRequire } from 'node:module'
  import stream from 'node:stream'

  const classes = { ReadStream: fs.ReadStream, WriteStream: fs.WriteStream, Stream: stream, Readable: stream.Readable,
    Writable: stream.Writable, Duplex: stream.Duplex, Transform: stream.Transform, EventEmitter: events,
    Object, Function, Array, Promise, Error, Buffer, Uint8Array, WeakMap, Map }
  function properties(object) {
    return new Map(Reflect.ownKeys(object).map((key) => {
      const { value, get, set, writable, enumerable, configurable } = Reflect.getOwnPropertyDescriptor(object, key)
      return [String(key), [value, get, set, writable, enumerable, configurable]]
    }))
  }
  function lookAround() {
    return {
      globals: properties(globalThis),
      prototypes: new Map(Object.entries(classes).map(([name, { prototype }]) => [name, properties(prototype)])),
      listeners: new Map(process.eventNames().map((name) => [String(name), process.rawListeners(name).length])),
      environment: JSON.stringify(process.env),
      resources: process.getActiveResourcesInfo().sort().join(),
      limits: [events.defaultMaxListeners, stream.getDefaultHighWaterMark?.(false)].join(),
    }
  }
  const changed = (before, after) => [...new Set([...before.keys(), ...after.keys()])].filter((key) => {
    const [one, other] = [before.get(key), after.get(key)]
    return Array.isArray(one) && Array.isArray(other) ? one.some((value, i) => !Object.is(value, other[i])) : one !== other
  })
  // Node replaces the getters of many globals by what they give when they are first asked.
  function isMaterialized(key) {
    const [one, other] = [before.globals.get(key), after.globals.get(key)]
    return one?.[1] !== undefined && other?.[1] === undefined && other?.[0] !== undefined && key in globalThis
  }
  const addons = () => process.report.getReport().sharedObjects.filter((file) => file.endsWith('.node'))
  const require = createRequire(import.meta.url)
  process.report.getReport()
  const loadedBefore = new Set(process.moduleLoadList)
  // The loader closes its files.
  const settle = () => new Promise((resolve) => setTimeout(resolve, 20))
  await settle()
  const before = lookAround()`

const compare = `
  await settle()
  const after = lookAround()
  const loaded = process.moduleLoadList.filter((name) => !loadedBefore.has(name))
  console.log(JSON.stringify({
    globals: changed(before.globals, after.globals).filter((key) => !isMaterialized(key)),
    prototypes: [...after.prototypes].flatMap(([name, now]) =>
      changed(before.prototypes.get(name), now).map((key) => name + '.prototype.' + key)),
    listeners: changed(before.listeners, after.listeners),
    environment: before.environment === after.environment,
    limits: before.limits === after.limits,
    resources: [before.resources, after.resources],
    network: loaded.filter((name) => /^NativeModule (net|tls|http|https|http2|_http_|_tls_|internal\\/(tls|http))/.test(name)),
    ownPipe: Object.hasOwn(fs.ReadStream.prototype, 'pipe'),
    addons: addons().length,
  }))`

interface Found {
  globals: string[]
  prototypes: string[]
  listeners: string[]
  environment: boolean
  limits: boolean
  resources: [string, string]
  network: string[]
  ownPipe: boolean
  addons: number
}

/** Every warning of Node's is printed, so silence means that there was none. */
async function importing(load: string, options: ChildOptions = {}): Promise<Ended & { found: Found }> {
  const ended = await runScript(`${look}\n${load}\n${compare}`, {
    timeoutMs: 10_000,
    flags: ['--pending-deprecation', '--trace-warnings'],
    ...options,
  })
  return { ...ended, found: JSON.parse(ended.stdout || 'null') as Found }
}

const path = (file: string) => JSON.stringify(built(file))
const traceless = {
  globals: [],
  prototypes: [],
  listeners: [],
  environment: true,
  limits: true,
  network: [],
  ownPipe: false,
}

const imports: [name: string, load: string][] = [
  ['import', `await import(${path('index.js')})`],
  ['require', `require(${path('index.cjs')})`],
  ['import and require', `await import(${path('index.js')}); require(${path('index.cjs')})`],
]

for (const [name, load] of imports) {
  t.test(`${name}: loads no http, https or tls, leaves no trace, and lets the process end`, async (t) => {
    const { code, signal, stderr, found } = await importing(load)
    t.match({ code, signal, stderr }, { code: 0, signal: null, stderr: '' }, 'ended by itself, in silence')
    const { resources, addons, ...rest } = found
    t.strictSame(rest, traceless)
    t.equal(resources[1], resources[0], 'nothing that keeps the process alive')
    t.equal(addons, 1, 'the addon was loaded')
  })
}

// A third of the heap of a small server, through which each of its garbage collections would go.
t.test('register loads nothing that only other entries need', async (t) => {
  for (const load of [`await import(${path('register.js')})`, `require(${path('register.cjs')})`]) {
    const { code, stdout, stderr } = await runScript(`
      import { createRequire } from 'node:module'
      const require = createRequire(import.meta.url)
      ${load}
      console.log(JSON.stringify({
        crypto: process.moduleLoadList.includes('NativeModule crypto'),
        own: Object.keys(require.cache).some((file) => file.endsWith('ktls.node')),
        readableStream: Object.keys(require.cache).some((file) => file.includes('/readable-stream/')),
      }))`)
    t.match({ code, stderr }, { code: 0, stderr: '' })
    t.strictSame(JSON.parse(stdout || 'null'), { crypto: false, own: true, readableStream: false }, load)
  }
})

t.test('with KTLS_PIPE_DISABLE=1 not even the addon is loaded', async (t) => {
  for (const [, load] of imports) {
    const { code, stderr, found } = await importing(load, { environment: { KTLS_PIPE_DISABLE: '1' } })
    t.match({ code, stderr }, { code: 0, stderr: '' })
    const { resources, addons, ...rest } = found
    t.strictSame(rest, traceless)
    t.equal(resources[1], resources[0])
    t.equal(addons, 0)
  }
})

t.test('where node:tls was loaded before, its prototypes are left alone, too', async (t) => {
  const { code, found } = await importing(
    `const tls = require('node:tls'), net = require('node:net'), http = require('node:http')
     for (const [name, Class] of Object.entries({ TLSSocket: tls.TLSSocket, Socket: net.Socket,
       OutgoingMessage: http.OutgoingMessage, ServerResponse: http.ServerResponse })) {
       classes[name] = Class
       before.prototypes.set(name, properties(Class.prototype))
     }
     await import(${path('index.js')})`,
  )
  t.equal(code, 0)
  t.strictSame(found.prototypes, [])
})

t.test('register: one own pipe() and nothing else', async (t) => {
  for (const load of [`await import(${path('register.js')})`, `require(${path('register.cjs')})`]) {
    const { code, stderr, found } = await importing(load)
    t.match({ code, stderr }, { code: 0, stderr: '' })
    const { resources, addons, ...rest } = found
    t.strictSame(rest, { ...traceless, prototypes: ['ReadStream.prototype.pipe'], ownPipe: true })
    t.equal(resources[1], resources[0])
    t.equal(addons, 1)
  }
})

t.test('register with KTLS_PIPE_DISABLE=1 does nothing', async (t) => {
  const { found } = await importing(`await import(${path('register.js')})`, { environment: { KTLS_PIPE_DISABLE: '1' } })
  const { resources, addons, ...rest } = found
  t.strictSame(rest, traceless)
  t.equal(addons, 0)
  t.equal(resources[1], resources[0])
})

t.test('as node --import and --require', async (t) => {
  for (const flag of [`--import=file://${built('register.js')}`, `--require=${built('register.cjs')}`]) {
    const { code, stdout, stderr } = await runScript(
      `import fs from 'node:fs'; console.log(Object.hasOwn(fs.ReadStream.prototype, 'pipe'))`,
      { flags: [flag], timeoutMs: 10_000 },
    )
    t.match({ code, stdout, stderr }, { code: 0, stdout: 'true\n', stderr: '' })
  }
})

t.test('the import has named exports only, and these', async (t) => {
  const names = [
    'FALLBACK_REASONS',
    'KtlsError',
    'createZeroCopyPipe',
    'getOffloadState',
    'getStats',
    'inspectSupport',
    'install',
    'setOffload',
    'uninstall',
  ]
  const { stdout } = await runScript(
    `import { createRequire } from 'node:module'
     const keys = (module) => Object.keys(module).filter((name) => name !== '__esModule').sort()
     console.log(JSON.stringify([keys(await import(${path('index.js')})),
       keys(createRequire(import.meta.url)(${path('index.cjs')}))]))`,
  )
  t.strictSame(JSON.parse(stdout), [names, names])
})
