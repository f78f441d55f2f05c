// Spec 20 §6: device tokens, in commands, as text and as JSON.
import { type Codec, DecodeError, EncodeError, shortBytes } from '@smpkit/encoding'

/** Text names of the push providers by their two letters on the wire. */
const providerNames = { AD: 'apns_dev', AP: 'apns_prod', AT: 'apns_test', AN: 'apns_null' } as const

/** APNs for development, APNs, the test server in place of APNs, and the one that pushes nothing. */
export type ProviderTag = keyof typeof providerNames
export type ProviderName = (typeof providerNames)[ProviderTag]

const tags = new Map(Object.entries(providerNames).map(([tag, name]) => [name as string, tag as ProviderTag]))

export const providerName = (tag: ProviderTag): ProviderName => providerNames[tag]

/** `undefined` for a name that the protocol does not have. */
export const providerTag = (name: string): ProviderTag | undefined => tags.get(name)

export interface DeviceToken {
  readonly provider: ProviderTag
  /** For APNs the ASCII of lower-case hex. Nobody checked it: at most 255 bytes of anything. */
  readonly token: Uint8Array
}

const isTag = (word: string): word is ProviderTag => Object.hasOwn(providerNames, word)

const provider: Codec<ProviderTag> = {
  write(w, v) {
    if (!isTag(v)) throw new EncodeError('RANGE', `expected ${Object.keys(providerNames).join(' or ')}`)
    w.word(v)
  },
  read(r) {
    const at = r.position
    const word = String.fromCharCode(r.byte(), r.byte())
    if (!isTag(word)) throw r.invalid(`expected ${Object.keys(providerNames).join(' or ')}`, at)
    return word
  },
}

/** The fields of a device token in a command. */
export const deviceTokenFields = { provider, token: shortBytes }

const ascii = (bytes: Uint8Array) => String.fromCharCode(...bytes)
const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0))

/** The only token in text form that is no hex. */
const nullToken = 'test_ntf_token'

/** `apns_prod 0123…`. */
export function deviceTokenToText({ provider, token }: DeviceToken): string {
  return `${providerName(provider)} ${ascii(token)}`
}

/** A token in text form is pairs of lower-case hex digits, or `apns_null test_ntf_token`. @throws DecodeError */
export function deviceTokenFromText(text: string): DeviceToken {
  const space = text.indexOf(' ')
  const provider = providerTag(text.slice(0, space < 0 ? undefined : space))
  const token = text.slice(space + 1)
  if (space < 0 || !provider) throw new DecodeError('invalid', 'expected a push provider and a space', 0)
  const isToken = /^(?:[0-9a-f]{2})*$/.test(token) || (provider === 'AN' && token === nullToken)
  if (!isToken) throw new DecodeError('invalid', 'expected a token of lower-case hex', space + 1)
  return { provider, token: bytesOf(token) }
}

/** A device token as it stands in JSON. */
export interface DeviceTokenJson {
  readonly pushProvider: ProviderName
  readonly token: string
}

export function deviceTokenToJson({ provider, token }: DeviceToken): DeviceTokenJson {
  return { pushProvider: providerName(provider), token: ascii(token) }
}

/** Other members are ignored, and the token may be any text of one-byte characters. @throws DecodeError */
export function deviceTokenFromJson(json: unknown): DeviceToken {
  if (typeof json === 'object' && json !== null && 'pushProvider' in json && 'token' in json) {
    const { pushProvider, token } = json
    const provider = typeof pushProvider === 'string' ? providerTag(pushProvider) : undefined
    if (provider && typeof token === 'string' && /^[\0-\xff]*$/.test(token)) return { provider, token: bytesOf(token) }
  }
  throw new DecodeError('invalid', 'expected {"pushProvider":…,"token":…} of a known provider', 0)
}
