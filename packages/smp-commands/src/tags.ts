// Spec 04 §2: a command or message is a tag, and parameters behind one space.
import { type Codec, DecodeError, EncodeError, Reader, type Writer } from '@smpkit/encoding'
import { ParseError } from './errors.js'
import type { SmpVersion } from './versions.js'

/** The layout of a tag's parameters: the same for all versions, different by version, or (`null`) none. */
export type Params<T extends object, V extends number = SmpVersion> =
  | Codec<T>
  | null
  | ((version: V) => Codec<T> | null)

/** Definitions by tag, of SMP or of the NTF protocol (20 §7), whose versions are `V`. */
type Table<V extends number> = Record<string, { params: Params<object, V> }>

/** What the parameters of a definition are, with its tag. */
type TaggedValue<D extends Table<never>> = {
  [K in keyof D & string]: { tag: K } & ParamsValue<D[K]['params']>
}[keyof D & string]

type ParamsValue<P> = P extends Codec<infer T> ? T : P extends (version: never) => Codec<infer T> | null ? T : unknown

/** Writes and reads the tags of a table at one version. */
export interface TagFormat<T> {
  write(writer: Writer, value: T): void
  /** Reads a whole command or message. Arrays in it are views. @throws ParseError `UNKNOWN` or `SYNTAX` */
  read(bytes: Uint8Array): T
}

interface Entry {
  readonly params: Codec<object> | null
  /** What a tag without parameters reads as. */
  readonly bare: { readonly tag: string }
}

const space = 0x20
/** No tag is longer. */
const maxTagLength = 8

/** The first bytes as text; for so few a loop is several times faster than a TextDecoder. */
function tagOf(bytes: Uint8Array, length: number): string {
  if (length > maxTagLength) return ''
  let tag = ''
  for (let i = 0; i < length; i++) tag += String.fromCharCode(bytes[i] as number)
  return tag
}

export function tagFormat<V extends number, D extends Table<V>>(definitions: D, version: V): TagFormat<TaggedValue<D>> {
  const entries = new Map<string, Entry>()
  for (const [tag, { params }] of Object.entries(definitions)) {
    const codec = typeof params === 'function' ? params(version) : params
    entries.set(tag, { params: codec as Codec<object> | null, bare: Object.freeze({ tag }) })
  }
  return {
    write(writer, value) {
      const entry = entries.get(value.tag)
      if (!entry) throw new EncodeError('RANGE', 'expected a known tag')
      writer.word(value.tag)
      if (!entry.params) return
      writer.byte(space)
      entry.params.write(writer, value)
    },
    read(bytes) {
      const end = bytes.indexOf(space)
      const tag = tagOf(bytes, end < 0 ? bytes.length : end)
      const entry = entries.get(tag)
      if (!entry) throw new ParseError('UNKNOWN', 'expected a known tag')
      if (!entry.params) {
        if (end >= 0) throw new ParseError('SYNTAX', `expected ${tag} without parameters`)
        return entry.bare as TaggedValue<D>
      }
      if (end < 0) throw new ParseError('SYNTAX', `expected ${tag} with parameters`)
      return { tag, ...readParams(entry.params, tag, bytes.subarray(end + 1)) } as TaggedValue<D>
    },
  }
}

function readParams(codec: Codec<object>, tag: string, bytes: Uint8Array): object {
  try {
    const reader = new Reader(bytes)
    const params = codec.read(reader)
    reader.end()
    return params
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new ParseError('SYNTAX', `expected well-formed parameters of ${tag}: ${error.message}`, { cause: error })
  }
}

/** Makes each version's format once. */
export function byVersion<T, V extends number = SmpVersion>(make: (version: V) => T): (version: V) => T {
  const made = new Map<V, T>()
  return (version) => {
    const known = made.get(version)
    if (known) return known
    const format = make(version)
    made.set(version, format)
    return format
  }
}
