// Spec 01 §1, §2: version ranges and their negotiation.
import { type Codec, record, word16 } from './codec.js'
import { DecodeError, EncodeError } from './errors.js'

/** Versions from `min` to `max`, both included. */
export interface VersionRange {
  readonly min: number
  readonly max: number
}

const bounds = record<VersionRange>({ min: word16, max: word16 })

/** Two 16-bit numbers; `min` above `max` is an error. */
export const versionRange: Codec<VersionRange> = {
  write(w, v) {
    if (v.min > v.max) throw new EncodeError('RANGE', `expected min <= max, got ${v.min}-${v.max}`)
    bounds.write(w, v)
  },
  read(r) {
    const at = r.position
    const range = bounds.read(r)
    if (range.min > range.max) throw r.invalid(`expected min <= max, got ${range.min}-${range.max}`, at)
    return range
  },
}

/** The versions that both ranges have, `undefined` where there are none. */
export function intersect(a: VersionRange, b: VersionRange): VersionRange | undefined {
  const min = Math.max(a.min, b.min)
  const max = Math.min(a.max, b.max)
  return min <= max ? { min, max } : undefined
}

export function includes(range: VersionRange, version: number): boolean {
  return range.min <= version && version <= range.max
}

/** `n` or `min-max`. */
export function versionRangeToText(range: VersionRange): string {
  return range.min === range.max ? `${range.min}` : `${range.min}-${range.max}`
}

/** @throws DecodeError */
export function versionRangeFromText(text: string): VersionRange {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text)
  const min = Number(match?.[1])
  const max = Number(match?.[2] ?? match?.[1])
  if (!match || min > max || max > 0xffff) throw new DecodeError('invalid', 'expected a version range n or min-max', 0)
  return { min, max }
}
