import t from 'tap'
import { createAttachment } from '../../src/attachment.js'

t.test('a value is found by the object that it was given to, and by no other', async (t) => {
  const numbers = createAttachment<number>()
  const object = {}
  t.equal(numbers.get(object), undefined)
  numbers.set(object, 1)
  t.equal(numbers.get(object), 1)
  numbers.set(object, 0)
  t.equal(numbers.get(object), 0, 'the latest; any value')
  for (const other of [Object.create(object), new Proxy(object, {}), {}]) t.equal(numbers.get(other), undefined)
  t.equal(createAttachment<number>().get(object), undefined, 'each attachment has its own')
})

t.test('nothing of it is seen', async (t) => {
  const numbers = createAttachment<number>()
  class Base {
    own = 1
  }
  const object = new Base()
  numbers.set(object, 1)
  t.strictSame(Reflect.ownKeys(object), ['own'])
  t.strictSame({ ...object }, { own: 1 })
  t.equal(Object.getPrototypeOf(object), Base.prototype)
})

t.test('objects that take no new properties', async (t) => {
  const numbers = createAttachment<number>()
  const frozen = Object.freeze({})
  t.equal(numbers.get(frozen), undefined)
  numbers.set(frozen, 1)
  t.equal(numbers.get(frozen), 1)
  numbers.set(frozen, 2)
  t.equal(numbers.get(frozen), 2)
  const later = {}
  numbers.set(later, 3)
  Object.freeze(later)
  t.equal(numbers.get(later), 3)
  numbers.set(later, 4)
  t.equal(numbers.get(later), 4, 'the latest, wherever the first is kept')
})
