import t from 'tap'
import { RangePace } from '../../../src/pipe/range-pace.js'

const mebibyte = 2 ** 20

t.test('8 MiB at first; up to 64 while they take less than 10 ms', async (t) => {
  const pace = new RangePace()
  for (const mebibytes of [8, 16, 32, 64, 64]) {
    t.equal(pace.maximumBytes, mebibytes * mebibyte)
    pace.sent(pace.maximumBytes, 9.9)
  }
})

t.test('the same while they take 10 to 20 ms; down to 8 MiB when longer', async (t) => {
  const pace = new RangePace()
  pace.sent(pace.maximumBytes, 10)
  t.equal(pace.maximumBytes, 8 * mebibyte)
  for (let i = 0; i < 3; i++) pace.sent(pace.maximumBytes, 0)
  for (const tookMs of [10, 20]) {
    pace.sent(pace.maximumBytes, tookMs)
    t.equal(pace.maximumBytes, 64 * mebibyte)
  }
  for (const mebibytes of [32, 16, 8, 8]) {
    pace.sent(pace.maximumBytes, 20.1)
    t.equal(pace.maximumBytes, mebibytes * mebibyte)
  }
})

t.test('the last range of a file tells nothing', async (t) => {
  const pace = new RangePace()
  pace.sent(8 * mebibyte - 1, 0)
  t.equal(pace.maximumBytes, 8 * mebibyte)
  pace.sent(8 * mebibyte, 0)
  pace.sent(16 * mebibyte - 1, 1000)
  t.equal(pace.maximumBytes, 16 * mebibyte)
})
