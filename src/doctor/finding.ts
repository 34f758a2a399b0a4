/** One requirement: whether it is met, what was found, and if it is not, one thing to do. */
export interface Finding {
  requirement: string
  ok: boolean
  found: string
  fix?: string
}

export function pass(requirement: string, found: string): Finding {
  return { requirement, ok: true, found }
}

export function fail(requirement: string, found: string, fix: string): Finding {
  return { requirement, ok: false, found, fix }
}
