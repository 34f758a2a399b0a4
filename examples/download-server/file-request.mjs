// What a request asks for: which file, and which part of it.

import { basename } from 'node:path'

/** The last part of the path, which is all that is served: nothing outside of the folder, and nothing deeper in it. */
export function nameIn(url) {
  try {
    return basename(decodeURIComponent(new URL(url, 'https://localhost').pathname))
  } catch {
    return '' // no URL at all, so there is no file of that name
  }
}

/** Undefined: all of it; null: it has no such bytes. One range only (RFC 9110, section 14.2, allows to ignore others). */
export function parseRange(header, size) {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === undefined || (first === '' && last === '')) return undefined
  if (first === '') return Number(last) > 0 ? { start: Math.max(0, size - Number(last)), end: size - 1 } : null
  const range = { start: Number(first), end: Math.min(last === '' ? Infinity : Number(last), size - 1) }
  if (last !== '' && Number(last) < range.start) return undefined
  return range.start < size ? range : null
}
