import t from 'tap'
import { remember, rememberedState } from '../../../src/observe/remembered.js'

t.test('nothing is remembered of a stranger', async (t) => {
  t.equal(rememberedState({}), undefined)
})

t.test('what is remembered stays with its object', async (t) => {
  const [one, other] = [{}, {}]
  const state = remember(one)
  t.strictSame(state, { bytesOffloaded: 0, encryption: undefined, fallbackReason: undefined })
  state.bytesOffloaded = 7
  t.equal(remember(one), state)
  t.equal(rememberedState(one), state)
  t.not(remember(other), state)
  t.equal(remember(other).bytesOffloaded, 0)
})
