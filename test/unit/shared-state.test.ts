import { channel } from 'node:diagnostics_channel'
import t from 'tap'
import { sharedSlot } from '../../src/shared-state.js'
import { runScript } from './fixtures/child.js'

t.test('a slot is made once, by whoever asks first', async (t) => {
  let made = 0
  const make = () => ({ number: ++made })
  const first = sharedSlot('test: once', make)
  t.equal(sharedSlot('test: once', make), first)
  t.equal(made, 1)
  t.not(sharedSlot('test: another', make), first)
})

t.test('undefined is a value, too', async (t) => {
  let made = 0
  for (let round = 0; round < 2; round++) sharedSlot('test: undefined', () => void made++)
  t.equal(made, 1)
})

t.test('two copies of the module have the same slots', async (t) => {
  const specifier: string = '../../src/shared-state.js?copy'
  const copy = (await import(specifier)) as typeof import('../../src/shared-state.js')
  t.not(copy.sharedSlot, sharedSlot, 'there are two')
  const value = sharedSlot('test: copies', () => ({}))
  t.equal(
    copy.sharedSlot('test: copies', () => ({})),
    value,
  )
  t.equal(copy.sharedStateAnchor, channel('ktls-pipe:state:0'))
})

// Node keeps a channel without subscribers only weakly.
t.test('the state outlives a garbage collection', async (t) => {
  const { stdout, stderr } = await runScript(
    `import { createRequire } from 'node:module'
     import { setTimeout } from 'node:timers/promises'
     const { getStats, createZeroCopyPipe } = await import('./dist/index.js')
     const { Writable, Readable } = await import('node:stream')
     const { createReadStream } = await import('node:fs')
     const destination = new Writable({ write: (chunk, encoding, callback) => callback() })
     createReadStream('package.json').pipe(createZeroCopyPipe(destination))
     await setTimeout(50)
     for (let round = 0; round < 5; round++) { gc(); await setTimeout(5) }
     const copy = createRequire(process.cwd() + '/')('./dist/index.cjs')
     console.log(JSON.stringify([getStats().fallbacks, copy.getStats().fallbacks]))`,
    { flags: ['--expose-gc'] },
  )
  t.equal(stderr, '')
  t.strictSame(JSON.parse(stdout), [{ 'destination-unsupported': 1 }, { 'destination-unsupported': 1 }])
})
