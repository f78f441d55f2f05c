// test-vectors/agent/README.md: values of agent messages, queues and links as JSON and as the packages have them.
import { PrivateKey, PublicKey } from '@smpkit/crypto'
import { parseHost } from '@smpkit/smp-commands/address'
import { fromHex, isObject, type Json, toBigInt, toJson } from './case.js'

type Values = { [name: string]: unknown }

const modes = { M: 'messaging', C: 'contact' }
const contactTypes = { a: 'address', c: 'channel', g: 'group', r: 'relay' }

/** Pairs of fields of the JSON form that are one range in ours. */
const ranges = { clientVersion: 'versionRange', agentVersion: 'agentVersions', version: 'versions' }

/** What a field's name says of its JSON form; everything else that is a string is hex. */
const kinds: Readonly<Record<string, (json: Json) => unknown>> = {
  ...kind(
    (json) => PublicKey.fromDer(fromHex(json as string)),
    ['dhKey', 'key1', 'key2', 'ownerKey', 'rootKey', 'senderKey'],
  ),
  ...kind(toBigInt, ['lastDecryptedId', 'sndMsgId']),
  ...kind((json) => json, ['clientData', 'connReqText', 'port', 'scheme', 'type']),
  queueMode: (json) => modes[json as keyof typeof modes],
  contactType: (json) => contactTypes[json as keyof typeof contactTypes],
  hosts: (json) => (json as string[]).map(parseHost),
}

function kind<T>(convert: (json: Json) => T, names: string[]) {
  return Object.fromEntries(names.map((name) => [name, convert]))
}

/** Ours for a JSON value of the agent's suites. */
export function fromAgentJson(json: Json, name = ''): unknown {
  if (json === null) return null
  if (Object.hasOwn(kinds, name)) return kinds[name]?.(json)
  if (Array.isArray(json)) return json.map((item) => fromAgentJson(item))
  if (!isObject(json)) return typeof json === 'string' ? fromHex(json) : json
  const value: Values = {}
  for (const [field, inner] of Object.entries(json)) value[field] = fromAgentJson(inner, field)
  for (const [prefix, range] of Object.entries(ranges)) {
    const { [`${prefix}Min`]: min, [`${prefix}Max`]: max } = value
    if (min !== undefined) value[range] = { min, max }
  }
  // A queue's; in a client envelope the name is the same.
  if ('server' in value && 'clientVersion' in value) value.version = value.clientVersion
  return value
}

const swapped = (table: Record<string, string>) =>
  Object.fromEntries(Object.entries(table).map(([letter, word]) => [word, letter]))
const letters = { ...swapped(modes), ...swapped(contactTypes) }

/** The opposite of `fromAgentJson`. */
export function toAgentJson(value: unknown): Json {
  if (Array.isArray(value)) return value.map(toAgentJson)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return toJson(value)
  if (value instanceof PublicKey || value instanceof PrivateKey) return toJson(value)
  const json: { [name: string]: Json } = {}
  for (const [field, inner] of Object.entries(value)) {
    const range = Object.entries(ranges).find(([, name]) => name === field)
    if (range) {
      json[`${range[0]}Min`] = inner.min
      json[`${range[0]}Max`] = inner.max
    } else if (field === 'version' && 'server' in value) {
      json.clientVersion = inner
    } else if (field === 'hosts') {
      json.hosts = inner.map(({ text }: { text: string }) => text)
    } else if ((field === 'queueMode' || field === 'contactType') && inner !== null) {
      json[field] = letters[inner] ?? null
    } else {
      json[field] = toAgentJson(inner)
    }
  }
  // A connection request, which has no scheme of its own.
  if ('agentVersions' in value && 'queues' in value) json.scheme = 'simplex:'
  return json
}
