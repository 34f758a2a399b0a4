import { Session } from 'node:inspector/promises'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { Outcome } from '../../../src/native/binding.js'
import { type CompletionHandler, Mailbox, mailboxOf } from '../../../src/native/mailbox.js'
import { FakeBinding } from '../fixtures/fake-binding.js'
import { forgetSlot } from '../fixtures/slots.js'

function setUp() {
  const binding = new FakeBinding()
  const mailbox = new Mailbox(binding)
  const said: [string, number, number][] = []
  const handler = (name: string) => (outcome: number, bytesSent: number) => said.push([name, outcome, bytesSent])
  return { binding, mailbox, said, handler }
}

/** The number of an item that is under way from now on. */
function expect(mailbox: Mailbox, handler: CompletionHandler): number {
  let item = 0
  mailbox.submit(
    (given) => {
      item = given
      return 0
    },
    () => handler,
  )
  return item
}

/** As if so many items had been numbered before. */
async function setLastItem(mailbox: Mailbox, item: number): Promise<void> {
  const session = new Session()
  session.connect()
  Reflect.set(globalThis, 'mailboxOfTest', mailbox)
  try {
    const expression = `mailboxOfTest.#lastItem = ${item}`
    // As in a debugger's console, from where private fields can be reached.
    const answer: unknown = await session.post('Runtime.evaluate', { expression, replMode: true } as never)
    const { result } = answer as { result: { value?: unknown } }
    if (result.value !== item) throw new Error(`not set: ${JSON.stringify(result)}`)
  } finally {
    Reflect.deleteProperty(globalThis, 'mailboxOfTest')
    session.disconnect()
  }
}

t.test('items are numbered from 1', async (t) => {
  const { mailbox, handler } = setUp()
  t.strictSame([expect(mailbox, handler('a')), expect(mailbox, handler('b')), expect(mailbox, handler('c'))], [1, 2, 3])
})

t.test('after 2^32 - 1 comes 1, never 0, and never a number that is in use', async (t) => {
  const { binding, mailbox, handler, said } = setUp()
  t.equal(expect(mailbox, handler('old')), 1)
  await setLastItem(mailbox, 0xfffffffd)
  t.equal(expect(mailbox, handler('a')), 0xfffffffe)
  t.equal(expect(mailbox, handler('b')), 0xffffffff)
  t.equal(expect(mailbox, handler('c')), 2, '0 means that nobody waits; 1 is under way')
  binding.deliver([1, Outcome.Complete, 0], [0xffffffff, Outcome.Complete, 1], [2, Outcome.Complete, 2])
  t.strictSame(said, [
    ['old', 0, 0],
    ['b', 0, 1],
    ['c', 0, 2],
  ])
})

t.test('an item that is under way is told how it ends, once', async (t) => {
  const { binding, mailbox, handler, said } = setUp()
  let given = 0
  const submitted = mailbox.submit(
    (item) => {
      given = item
      return 0
    },
    () => handler('a'),
  )
  t.equal(submitted, 0)
  t.equal(given, 1)
  binding.deliver([given, Outcome.Complete, 77])
  binding.deliver([given, Outcome.Complete, 78])
  t.strictSame(said, [['a', Outcome.Complete, 77]])
})

t.test('an item that is complete or refused at once is not heard of again', async (t) => {
  const { binding, mailbox, said } = setUp()
  for (const answer of [1, -11, -32]) {
    const submitted = mailbox.submit(
      () => answer,
      () => t.fail('there is nothing to be told') as never,
    )
    t.equal(submitted, answer)
  }
  binding.deliver([1, 0, 0], [2, 0, 0], [3, 0, 0])
  t.strictSame(said, [])
  t.strictSame(binding.holds, [], 'nor is the process kept alive for it')
})

t.test('progress is no end; an error and a release are', async (t) => {
  const { binding, mailbox, handler, said } = setUp()
  const item = expect(mailbox, handler('a'))
  const failing = expect(mailbox, handler('b'))
  const closing = expect(mailbox, handler('c'))
  binding.deliver([item, Outcome.Progress, 10], [item, Outcome.Progress, 20], [item, Outcome.Complete, 30])
  binding.deliver([failing, -32, 5], [failing, Outcome.Complete, 6])
  binding.deliver([closing, Outcome.Released, 0], [closing, Outcome.Released, 0])
  t.strictSame(said, [
    ['a', Outcome.Progress, 10],
    ['a', Outcome.Progress, 20],
    ['a', Outcome.Complete, 30],
    ['b', -32, 5],
    ['c', Outcome.Released, 0],
  ])
  t.strictSame(binding.holds, [true, false])
})

t.test('the event loop is held from the first item to the last', async (t) => {
  const { binding, mailbox, handler } = setUp()
  t.strictSame(binding.holds, [])
  const first = expect(mailbox, handler('a'))
  const second = expect(mailbox, handler('b'))
  t.strictSame(binding.holds, [true])
  binding.deliver([first, Outcome.Complete, 0])
  t.strictSame(binding.holds, [true])
  binding.deliver([second, Outcome.Progress, 0])
  t.strictSame(binding.holds, [true])
  mailbox.forget(second)
  t.strictSame(binding.holds, [true, false])
  mailbox.forget(second)
  mailbox.forget(999)
  t.strictSame(binding.holds, [true, false], 'nothing to let go of')
  expect(mailbox, handler('c'))
  t.strictSame(binding.holds, [true, false, true])
})

t.test('a number that nobody has is passed over, and so is one that was forgotten meanwhile', async (t) => {
  const { binding, mailbox, handler, said } = setUp()
  const first = expect(mailbox, () => mailbox.forget(second))
  const second = expect(mailbox, handler('forgotten'))
  const third = expect(mailbox, handler('third'))
  binding.deliver([0, 0, 0], [500, 0, 0], [first, 0, 0], [second, 0, 0], [third, 0, 3])
  t.strictSame(said, [['third', 0, 3]])
})

t.test('a handler may submit the next item, whose number is a new one', async (t) => {
  const { binding, mailbox, handler, said } = setUp()
  const items: number[] = []
  items.push(expect(mailbox, () => items.push(expect(mailbox, handler('next')))))
  binding.deliver([1, Outcome.Complete, 0])
  t.strictSame(items, [1, 2])
  t.strictSame(binding.holds, [true, false, true])
  binding.deliver([2, Outcome.Complete, 9])
  t.strictSame(said, [['next', 0, 9]])
})

// Of several completions in one batch each is another connection's.
t.test('a handler that throws does not keep others from hearing of theirs', async (t) => {
  const { binding, mailbox, handler, said } = setUp()
  const failure = new Error("a user's listener")
  const first = expect(mailbox, () => {
    throw failure
  })
  const second = expect(mailbox, handler('second'))
  const thrown: unknown[] = []
  process.setUncaughtExceptionCaptureCallback((error) => thrown.push(error))
  try {
    binding.deliver([first, Outcome.Complete, 1], [second, Outcome.Complete, 2])
  } catch (error) {
    thrown.push(error)
  }
  await turn()
  process.setUncaughtExceptionCaptureCallback(null)
  t.strictSame(thrown, [failure], 'it is not swallowed')
  t.strictSame(said, [['second', Outcome.Complete, 2]])
  t.equal(binding.holds.at(-1), false)
})

t.test('a thread has one mailbox, which is opened once', async (t) => {
  forgetSlot('mailbox')
  const binding = new FakeBinding()
  const mailbox = mailboxOf(binding)
  t.equal(mailboxOf(binding), mailbox)
  t.equal(binding.count('openMailbox'), 1)
})

t.test('what is only watched does not hold the event loop, whatever else is under way', async (t) => {
  const { binding, mailbox, handler, said } = setUp()
  const first = mailbox.watch(handler('watched'))
  t.strictSame(binding.holds, [])
  const item = expect(mailbox, handler('expected'))
  t.strictSame(binding.holds, [true])
  const second = mailbox.watch(handler('watched too'))
  mailbox.forget(first)
  t.strictSame(binding.holds, [true])
  mailbox.forget(item)
  t.strictSame(binding.holds, [true, false])
  binding.deliver([second, Outcome.KeySpent, 0])
  t.strictSame(said, [['watched too', Outcome.KeySpent, 0]])
  t.strictSame(binding.holds, [true, false])
  expect(mailbox, handler('again'))
  t.strictSame(binding.holds, [true, false, true])
})
