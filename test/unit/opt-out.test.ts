import t from 'tap'
import { isOptedOut, optOut } from '../../src/opt-out.js'

t.test('opting out, and in again', async (t) => {
  const [one, other] = [{}, {}]
  t.equal(isOptedOut(one), false)
  optOut(one, true)
  optOut(one, true)
  t.equal(isOptedOut(one), true)
  t.equal(isOptedOut(other), false)
  optOut(one, false)
  t.equal(isOptedOut(one), false)
  optOut(other, false)
  t.equal(isOptedOut(other), false)
})
