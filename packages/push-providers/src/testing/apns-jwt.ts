// Spec 21 A5, 30 §6: what APNs thinks of the JWTs that come, for its fake.
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { jwtVerify } from 'jose'

export interface ApnsKey {
  readonly id: string
  /** PKCS#8. */
  readonly pem: string
  readonly publicKey: KeyObject
}

export function newApnsKey(number: number): ApnsKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { id: `KEY000000${number}`, pem, publicKey: createPublicKey(privateKey) }
}

export interface JwtMistake {
  readonly status: number
  readonly reason: string
}

/** All in seconds. */
const hour = 3600
const clockTolerance = 60
const leastBetweenUpdates = 20 * 60

/** Judges JWTs of one team and key. `clock`: milliseconds since 1970. */
export function apnsJwtJudge(teamId: string, key: ApnsKey, clock: () => number) {
  const verified = new Map<string, number>()
  const newest = new WeakMap<object, { readonly issued: number; readonly seen: number }>()

  async function issuedOf(jwt: string): Promise<number | undefined> {
    const known = verified.get(jwt)
    if (known !== undefined) return known
    try {
      const options = { algorithms: ['ES256'], issuer: teamId, currentDate: new Date(clock()) }
      const { payload, protectedHeader } = await jwtVerify(jwt, key.publicKey, options)
      if (protectedHeader.kid !== key.id || payload.iat === undefined) return undefined
      verified.set(jwt, payload.iat)
      return payload.iat
    } catch {
      return undefined
    }
  }

  /** What is wrong with a JWT that came on a connection. */
  return async (jwt: string, connection: object): Promise<JwtMistake | undefined> => {
    if (jwt === '') return { status: 403, reason: 'MissingProviderToken' }
    const issued = await issuedOf(jwt)
    const now = clock() / 1000
    if (issued === undefined || issued > now + clockTolerance) return { status: 403, reason: 'InvalidProviderToken' }
    if (now - issued > hour) return { status: 403, reason: 'ExpiredProviderToken' }
    const last = newest.get(connection)
    if (last && issued <= last.issued) return undefined
    if (last && now - last.seen < leastBetweenUpdates) return { status: 429, reason: 'TooManyProviderTokenUpdates' }
    newest.set(connection, { issued, seen: now })
    return undefined
  }
}
