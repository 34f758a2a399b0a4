/** What is kept with an object of somebody else for as long as that lives, and seen by nobody. */
export interface Attachment<Value> {
  get(object: object): Value | undefined
  set(object: object, value: Value): void
  /** As set(), of an object that has none. */
  add(object: object, value: Value): Value
}

/** Makes `super()` return an object of somebody else, which then gets the private fields of the class. */
class Foreign {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: it is what this class is for.
    return object
  }
}

/**
 * As a WeakMap, but the value lies in the object, under a private name: 0.15 µs for each new object, where a WeakMap takes
 * 1.1 and gives every garbage collection its entries to look through.
 */
export function createAttachment<Value>(): Attachment<Value> {
  class Attached extends Foreign {
    #value: Value

    constructor(object: object, value: Value) {
      super(object)
      this.#value = value
    }

    static get(object: object): Value | undefined {
      return #value in object ? object.#value : undefined
    }

    static replace(object: object, value: Value): boolean {
      if (!(#value in object)) return false
      object.#value = value
      return true
    }
  }
  let elsewhere: WeakMap<object, Value> | undefined
  return {
    get: (object) => Attached.get(object) ?? elsewhere?.get(object),
    set(object, value) {
      if (!Attached.replace(object, value)) this.add(object, value)
    },
    add(object, value) {
      // An engine need not let an object have new private names that may have no new properties.
      if (Object.isExtensible(object)) {
        new Attached(object, value)
      } else {
        elsewhere ??= new WeakMap()
        elsewhere.set(object, value)
      }
      return value
    },
  }
}
