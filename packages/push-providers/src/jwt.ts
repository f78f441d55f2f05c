// RFC 7515, 7519: the signed texts with which we show push providers who we are (21 A5, B2, B3).
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { type JWTPayload, SignJWT } from 'jose'
import { ProviderConfigError } from './errors.js'

/** ES256 signs with P-256 as r‖s of 64 bytes, RS256 with RSA. */
export type JwtAlgorithm = 'ES256' | 'RS256'

const isFor: Record<JwtAlgorithm, (key: KeyObject) => boolean> = {
  ES256: (key) => key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1',
  RS256: (key) => key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048,
}
const expected: Record<JwtAlgorithm, string> = { ES256: 'on the curve P-256', RS256: 'for RSA of 2048 bits or more' }

/** `pem`: an unencrypted private key. @throws ProviderConfigError */
export function readSigningKey(pem: string, algorithm: JwtAlgorithm): KeyObject {
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch {
    // Without its cause, which might quote the key.
    throw new ProviderConfigError(`expected an unencrypted private key ${expected[algorithm]} as PEM`)
  }
  if (isFor[algorithm](key)) return key
  throw new ProviderConfigError(
    `expected a private key ${expected[algorithm]}, got one of another kind: ${key.asymmetricKeyType}`,
  )
}

/** Times in `claims` are whole seconds. `keyId` becomes the header's `kid`. */
export function signJwt(
  key: KeyObject,
  { algorithm, type, keyId }: { readonly algorithm: JwtAlgorithm; readonly type?: string; readonly keyId?: string },
  claims: JWTPayload,
): Promise<string> {
  const header = { alg: algorithm, ...(type && { typ: type }), ...(keyId && { kid: keyId }) }
  return new SignJWT(claims).setProtectedHeader(header).sign(key)
}
