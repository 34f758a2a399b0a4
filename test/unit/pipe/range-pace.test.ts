import t from 'tap'
import { BorderRate, RangePace } from '../../../src/pipe/range-pace.js'

const mebibyte = 2 ** 20

/** Ranges that end so far apart, on a clock of its own. */
function setUp(intervalMs: number, isStoppable = false) {
  const borders = new BorderRate()
  let nowMs = 0
  const pass = (ms: number) => {
    nowMs += ms
    return nowMs
  }
  for (let i = 0; i < 100; i++) borders.add(pass(intervalMs))
  const pace = new RangePace(borders)
  const send = (tookMs: number, bytes = pace.maximumBytes) => {
    const endMs = pass(intervalMs)
    pace.sent(bytes, isStoppable, endMs - tookMs, endMs)
  }
  return { borders, pace, send }
}

t.test('8 MiB at first; up to 64 while they take less than 50 ms', async (t) => {
  const { pace, send } = setUp(20)
  for (const mebibytes of [8, 16, 32, 64, 64]) {
    t.equal(pace.maximumBytes, mebibytes * mebibyte)
    send(49.9)
  }
})

t.test('the same while they take 50 to 100 ms; down to 8 MiB when longer', async (t) => {
  const { pace, send } = setUp(20)
  send(50)
  t.equal(pace.maximumBytes, 8 * mebibyte)
  for (let i = 0; i < 3; i++) send(0)
  for (const tookMs of [50, 100]) {
    send(tookMs)
    t.equal(pace.maximumBytes, 64 * mebibyte)
  }
  for (const mebibytes of [32, 16, 8, 8]) {
    send(100.1)
    t.equal(pace.maximumBytes, mebibytes * mebibyte)
  }
})

t.test('where ranges end often, up to 64 while they take less than 250 ms, and down again above 500', async (t) => {
  const { pace, send } = setUp(9)
  for (const mebibytes of [8, 16, 32, 64, 64]) {
    t.equal(pace.maximumBytes, mebibytes * mebibyte)
    send(249)
  }
  send(500)
  t.equal(pace.maximumBytes, 64 * mebibyte)
  for (const mebibytes of [32, 16, 8, 8]) {
    send(501)
    t.equal(pace.maximumBytes, mebibytes * mebibyte)
  }
})

t.test('those that may end anywhere, up to 64 while they take less than two seconds, however many', async (t) => {
  for (const intervalMs of [9, 20]) {
    const { pace, send } = setUp(intervalMs, true)
    for (const mebibytes of [8, 16, 32, 64, 64]) {
      t.equal(pace.maximumBytes, mebibytes * mebibyte)
      send(1999)
    }
    send(4000)
    t.equal(pace.maximumBytes, 64 * mebibyte)
    for (const mebibytes of [32, 16, 8, 8]) {
      send(4001)
      t.equal(pace.maximumBytes, mebibytes * mebibyte)
    }
  }
})

t.test('the last range of a file tells nothing', async (t) => {
  const { pace, send } = setUp(20)
  send(0, 8 * mebibyte - 1)
  t.equal(pace.maximumBytes, 8 * mebibyte)
  send(0)
  send(1000, 16 * mebibyte - 1)
  t.equal(pace.maximumBytes, 16 * mebibyte)
})

t.test('whether they end often: more than a hundred in a second, for a while', async (t) => {
  t.equal(new BorderRate().isHigh, false, 'none has ended')
  t.equal(setUp(9).borders.isHigh, true)
  t.equal(setUp(11).borders.isHigh, false)
  const { borders } = setUp(1)
  borders.add(1e6)
  t.equal(borders.isHigh, true, 'one pause is not the end of it')
  for (let i = 1; i < 10; i++) borders.add(1e6 + i * 100)
  t.equal(borders.isHigh, false)
})
