// test-vectors/smp/README.md: values of commands and messages, whose field names are those of the packages.
import { PublicKey } from '@smpkit/crypto'
import { fromHex, isObject, type Json, toBigInt } from './case.js'

/** What a field's name says of its JSON form; everything else that is a string is hex. */
const kinds: Readonly<Record<string, (json: Json) => unknown>> = {
  ...kind(
    (json) => PublicKey.fromDer(fromHex(json as string)),
    ['authKey', 'commandKey', 'dhKey', 'senderKey', 'serverDhKey', 'sessionKey'],
  ),
  keys: (json) => (json as string[]).map((der) => PublicKey.fromDer(fromHex(der))),
  count: toBigInt,
  // JSON on the wire, too.
  info: (json) => json,
  ...kind(
    (json) => json,
    [
      'basicAuth',
      'code',
      'mode',
      'name',
      'port',
      'queueMode',
      'reason',
      'role',
      'status',
      'subMode',
      'tag',
      'text',
      'type',
    ],
  ),
}

function kind<T>(convert: (json: Json) => T, names: string[]) {
  return Object.fromEntries(names.map((name) => [name, convert]))
}

/** The packages' value for a JSON value; the opposite of `toJson`. */
export function fromJson(json: Json, name = ''): unknown {
  if (json === null) return null
  if (Object.hasOwn(kinds, name)) return kinds[name]?.(json)
  if (Array.isArray(json)) return json.map((item) => fromJson(item))
  if (isObject(json)) {
    return Object.fromEntries(Object.entries(json).map(([field, inner]) => [field, fromJson(inner, field)]))
  }
  return typeof json === 'string' ? fromHex(json) : json
}
