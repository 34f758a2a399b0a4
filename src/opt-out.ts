import { createAttachment } from './attachment.js'
import { sharedSlot } from './shared-state.js'

const optedOut = sharedSlot('opted out', () => ({ anybody: false, objects: createAttachment<boolean>() }))

/** Whether the user has left this object to Node's ordinary path (setOffload). */
export function isOptedOut(object: object): boolean {
  return optedOut.anybody && optedOut.objects.get(object) === true
}

export function optOut(object: object, out: boolean): void {
  optedOut.anybody = true
  optedOut.objects.set(object, out)
}
