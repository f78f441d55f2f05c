// Spec 10.3.1: the parameters of an invitation as a query string.
import { PublicKey } from '@smpkit/crypto'
import { DecodeError, fromBase64url, toBase64url, versionRangeFromText, versionRangeToText } from '@smpkit/encoding'
import type { KemProposed } from './fields.js'
import type { E2eParamsRange } from './params.js'
import { kemPublicKeyLength } from './sntrup761.js'
import { kemSince } from './versions.js'

/** Without percent-escaping. The KEM key is left out of a range that ends before version 3. */
export function e2eParamsToText({ versions, key1, key2, kem }: E2eParamsRange): string {
  const keys = [key1, key2].map((key) => toBase64url(key.toDer())).join(',')
  const kemKey = kem && versions.max >= kemSince ? `&kem_key=${toBase64url(kem.key)}` : ''
  return `v=${versionRangeToText(versions)}&x3dh=${keys}${kemKey}`
}

/**
 * In any order, and keys with or without padding. Names that are not known are ignored; of a name that comes twice the first
 * counts.
 * @throws DecodeError
 */
export function e2eParamsFromText(text: string): E2eParamsRange {
  const fields = new Map<string, string>()
  for (const field of text.split('&')) {
    const at = field.indexOf('=')
    const name = field.slice(0, at)
    if (at >= 0 && !fields.has(name)) fields.set(name, field.slice(at + 1))
  }
  const versions = versionRangeFromText(fields.get('v') ?? '')
  const [key1, key2, ...more] = (fields.get('x3dh') ?? '').split(',').map(x448FromText)
  if (!key1 || !key2 || more.length > 0) throw invalid('expected two keys in x3dh')
  return { versions, key1, key2, kem: versions.max >= kemSince ? kemFromFields(fields) : null }
}

function x448FromText(text: string): PublicKey<'x448'> {
  const der = fromBase64url(text)
  let key: PublicKey
  try {
    key = PublicKey.fromDer(der)
  } catch {
    throw invalid('expected the DER of a key in x3dh')
  }
  if (!key.is('x448')) throw invalid(`expected X448 keys in x3dh, got ${key.algorithm}`)
  return key
}

function kemFromFields(fields: ReadonlyMap<string, string>): KemProposed | null {
  if (fields.has('kem_ct')) throw invalid('expected no KEM ciphertext in an invitation')
  const text = fields.get('kem_key')
  if (text === undefined) return null
  const key = fromBase64url(text)
  if (key.length !== kemPublicKeyLength) {
    throw invalid(`expected a KEM key of ${kemPublicKeyLength} bytes, got ${key.length}`)
  }
  return { type: 'proposed', key }
}

function invalid(expected: string): DecodeError {
  return new DecodeError('invalid', expected, 0)
}
