// Spec 31, types: the properties of chat messages, checked alike when read and when written.
import { fromBase64url, toBase64url } from '@smpkit/encoding'
import { ChatError } from './errors.js'

/** Checks a value of JSON that stands in the property `name`. @throws ChatError `INVALID` */
export type Field<T> = (value: unknown, name: string) => T

/** Who a peer says they are. What else it carries (`image`, `shortDescr`, `preferences` …) is kept as it came. */
export interface Profile {
  /** Not empty, and does not begin with `#` or `@`. */
  readonly displayName: string
  /** May be empty. */
  readonly fullName: string
  readonly [property: string]: unknown
}

/** What a message says. */
export interface Content {
  /** `text`, `link`, `image`, `video`, `voice`, `file`, or one that we do not know. */
  readonly type: string
  readonly text: string
}

const expected = (name: string, what: string) => new ChatError('INVALID', `${name}: expected ${what}`)

export const text: Field<string> = (value, name) => {
  if (typeof value !== 'string') throw expected(name, 'a string')
  return value
}

export const object: Field<Readonly<Record<string, unknown>>> = (value, name) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw expected(name, 'an object')
  return value as Readonly<Record<string, unknown>>
}

/** An absent property and one that is `null` are the same. */
export const optional =
  <T>(field: Field<T>): Field<T | null> =>
  (value, name) =>
    value === undefined || value === null ? null : field(value, name)

/** An id in base64url. Twelve bytes are usual; the limit is for who stores them. Written in one way, so that equal ids are equal texts. */
export const id: Field<string> = (value, name) => {
  const written = text(value, name)
  try {
    if (written.length <= 64) return toBase64url(fromBase64url(written))
  } catch {
    // Said below.
  }
  throw expected(name, 'base64url of at most 64 characters')
}

export const profile: Field<Profile> = (value, name) => {
  const { displayName: shown, fullName, ...others } = object(value, name)
  const displayName = text(shown, `${name}.displayName`)
  if (displayName === '' || displayName.startsWith('#') || displayName.startsWith('@')) {
    throw expected(`${name}.displayName`, 'a name that is not empty and does not begin with # or @')
  }
  return { displayName, fullName: optional(text)(fullName, `${name}.fullName`) ?? '', ...others }
}

export const content: Field<Content> = (value, name) => {
  const properties = object(value, name)
  return { type: text(properties.type, `${name}.type`), text: text(properties.text, `${name}.text`) }
}
