// Spec 06 §7: names and what they resolve to.
import { type Codec, EncodeError } from '@smpkit/encoding'
import { array, json, object, orNull, string } from './json.js'

/** At least two labels of letters, digits and single hyphens inside, up to 63 each and 253 in all. */
function isName(text: string): boolean {
  if (text.length > 253) return false
  const labels = text.split('.')
  return (
    labels.length >= 2 && labels.every((label) => label.length <= 63 && /^[0-9A-Za-z]+(?:-[0-9A-Za-z]+)*$/.test(label))
  )
}

/** Space, TAB, LF, VT, FF, CR. */
const isWhiteSpace = (byte: number) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
const latin1 = new TextDecoder('latin1')

/** A full name, written and read in lower case. What follows the first white space is ignored. */
export const name: Codec<string> = {
  write(w, v) {
    if (!isName(v)) throw new EncodeError('RANGE', 'expected a name of at least two labels')
    w.word(v.toLowerCase())
  },
  read(r) {
    const at = r.position
    const bytes = r.tail()
    const end = bytes.findIndex(isWhiteSpace)
    const text = latin1.decode(end < 0 ? bytes : bytes.subarray(0, end))
    if (!isName(text)) throw r.invalid('expected a name of at least two labels', at)
    return text.toLowerCase()
  },
}

/** What a name resolves to. No field is checked against the name that was asked for. */
export interface NameRecord {
  name: string
  nickname: string
  website: string
  location: string
  /** Links, the first one first. */
  simplexContact: string[]
  simplexChannel: string[]
  eth: string | null
  btc: string | null
  xmr: string | null
  dot: string | null
  /** `0x` and hex, which nobody checks; the same for `resolver`. */
  owner: string
  resolver: string
}

/** JSON to the end of the message. Unknown fields are ignored, absent coins are `null`, a repeated field is an error. */
export const nameRecord: Codec<NameRecord> = json(
  object<NameRecord>({
    name: string,
    nickname: string,
    website: string,
    location: string,
    simplexContact: array(string),
    simplexChannel: array(string),
    eth: orNull(string),
    btc: orNull(string),
    xmr: orNull(string),
    dot: orNull(string),
    owner: string,
    resolver: string,
  }),
)
