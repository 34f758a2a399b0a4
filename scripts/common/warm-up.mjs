// How often something is done before it is measured.

/** Node's compiler needs a pass before one is like the next; an emulator's own translation needs more. */
const rounds = { hardware: 1, emulator: 2 }

/** @param {boolean} emulated */
export function warmUpRounds(emulated) {
  return emulated ? rounds.emulator : rounds.hardware
}
