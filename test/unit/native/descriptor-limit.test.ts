import { join } from 'node:path'
import t from 'tap'
import { built, runScript } from '../fixtures/child.js'

// With the addon itself: it leaves the last quarter of the descriptors to the process. However many are left, the body
// is whole.
const script = (file: string, spare: number) => `
  import fs from 'node:fs'
  import net from 'node:net'
  await import(${JSON.stringify(built('register.js'))})
  const { getStats } = await import(${JSON.stringify(built('index.js'))})
  const server = net.createServer((socket) => {
    socket.on('error', (error) => console.log(error.code))
    const source = fs.createReadStream(${JSON.stringify(file)})
    source.on('error', (error) => console.log(error.code))
    source.once('open', () => {
      const held = []
      try {
        for (;;) held.push(fs.openSync('/dev/null'))
      } catch (error) {
        if (error.code !== 'EMFILE') throw error
      }
      for (const fd of held.splice(held.length - ${spare})) fs.closeSync(fd)
      source.pipe(socket)
    })
  })
  server.listen(0, '127.0.0.1', () => {
    const client = net.connect(server.address().port, '127.0.0.1')
    let received = 0
    const report = () => {
      console.log(JSON.stringify([received, getStats().transfers.tcp, getStats().fallbacks]))
      process.exit()
    }
    client.on('data', (data) => { received += data.length }).on('close', report).on('error', () => {})
    setTimeout(report, 3000)
  })`

const size = 200_000

t.test('a transfer for which not all descriptors are left takes the ordinary path', async (t) => {
  const file = join(t.testdir({ file: Buffer.alloc(size) }), 'file')
  const offloaded: boolean[] = []
  for (const spare of [0, 1, 2, 3, 4, 5, 49, 60]) {
    const { stdout, stderr } = await runScript(script(file, spare), { maximumDescriptors: 200 })
    t.equal(stderr, '')
    const [received, transfers, fallbacks] = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as unknown[]
    t.equal(stdout.split('\n').length, 2, `no error: ${stdout}`)
    t.equal(received, size, `${spare} descriptors are left: the body is whole`)
    offloaded.push(transfers === 1)
    t.strictSame(fallbacks, transfers === 1 ? {} : { 'descriptor-limit': 1 })
  }
  t.strictSame(offloaded.slice(0, -1), Array(7).fill(false), 'with none, or a quarter at the most, it is not offloaded')
  t.equal(offloaded.at(-1), true, 'with more it is')
})
