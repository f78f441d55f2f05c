// Spec 21 A3: the text inside a message push, one item for each queue.
import { fromBase64url, nonceFromText, toBase64url } from '@smpkit/encoding'
import {
  parseServerAddress,
  type ServerAddress,
  serverAddressToText,
  withOnionHost,
} from '@smpkit/smp-commands/address'
import { PayloadError } from './errors.js'
import { defaultPaddedLength } from './payload-encryption.js'

/** The last notification of one queue. */
export interface PushItem {
  readonly server: ServerAddress
  readonly notifierId: Uint8Array
  /** When the notification server received it, in whole seconds. */
  readonly ntfTs: number
  /** 24 bytes, for `encMeta`. */
  readonly nonce: Uint8Array
  /** 144 bytes, encrypted by the SMP server for the recipient: `decryptNmsgMeta` of `@smpkit/smp-commands`. */
  readonly encMeta: Uint8Array
}

const textEncoder = new TextEncoder()

/** At most so many items are in one push. */
export const maxItems = 6

/**
 * The text of one item.
 * @throws PayloadError `FORMAT` without metadata: such an item would spoil all others; AddressError
 */
export function encodeItem(item: PushItem): string {
  if (item.encMeta.length === 0) throw new PayloadError('FORMAT', 'expected metadata in an item, got none')
  const queue = `${serverAddressToText(item.server)}/${toBase64url(item.notifierId)}`
  return `${queue} ${item.ntfTs} ${toBase64url(item.nonce)} ${toBase64url(item.encMeta)}`
}

/** Items in their order, oldest first. Those without metadata are left out. */
export function encodeItems(items: readonly PushItem[]): string {
  return items
    .filter((item) => item.encMeta.length > 0)
    .map(encodeItem)
    .join(';')
}

/**
 * How many of these item texts, from the first on, fit one push: at most six and `paddedLength` - 2 bytes with separators.
 * @throws PayloadError `LARGE` if not even the first one fits
 */
export function countFitting(texts: readonly string[], paddedLength = defaultPaddedLength): number {
  let room = paddedLength - 2
  let count = 0
  for (const text of texts.slice(0, maxItems)) {
    room -= textEncoder.encode(text).length
    if (room < 0) break
    room -= 1
    count++
  }
  if (count === 0 && texts.length > 0) {
    throw new PayloadError('LARGE', `expected an item of at most ${paddedLength - 2} bytes, got a longer one`)
  }
  return count
}

/**
 * Reads the text of a message push; one bad item fails all. An item without metadata is a bad one, unless
 * `skipEmptyMeta` is set: then it is left out, and with it a list may be empty.
 * @throws PayloadError `FORMAT`
 */
export function decodeItems(text: string, options: { readonly skipEmptyMeta?: boolean } = {}): PushItem[] {
  const texts = text.split(';')
  return texts.flatMap((item) => {
    if (options.skipEmptyMeta && /^[^\s]+\s[^\s]+\s[^\s]+\s$/.test(item)) return []
    return [decodeItem(item)]
  })
}

function decodeItem(text: string): PushItem {
  // Any one white space between fields, a plus sign and leading zeros are what phones accept today.
  const match = /^(smp:\/\/[^\s/]+)\/([\w=-]+)\s([+-]?\d+)\s([\w=-]+)\s([\w=-]+)$/.exec(text)
  if (!match) throw new PayloadError('FORMAT', 'expected smp://…/notifierId time nonce metadata')
  const [, address, notifierId, time, nonce, encMeta] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  const ntfTs = Number(time)
  if (!Number.isSafeInteger(ntfTs)) throw new PayloadError('FORMAT', 'expected a time below 2^53 seconds')
  try {
    const { hosts, port, keyHash, password } = parseServerAddress(address, 'smp')
    if (password !== null) throw new PayloadError('FORMAT', 'expected a server address without a password')
    return {
      server: { hosts: withOnionHost(hosts), port, keyHash },
      notifierId: fromBase64url(notifierId),
      ntfTs,
      nonce: nonceFromText(nonce),
      encMeta: fromBase64url(encMeta),
    }
  } catch (cause) {
    if (cause instanceof PayloadError) throw cause
    throw new PayloadError('FORMAT', 'expected a server address and base64url in an item', { cause })
  }
}
