// RFC 8292 (spec 21 B3): with which a server shows push services who it is.
import { ProviderConfigError } from '../errors.js'
import { signJwt } from '../jwt.js'
import { readVapidKeys, type VapidKeys } from './keys.js'

export interface VapidOptions extends VapidKeys {
  /** Whom a push service can ask about our pushes: `mailto:` or `https:`. */
  readonly subject: string
}

/** Push services take at most 24 hours, by their own clocks. */
const validMs = 12 * 3_600_000
/** A text is used until so long before its end. */
const marginMs = 3_600_000

/** Clients choose the origins. */
const maxOrigins = 1000

/** The `authorization` of a push to an origin; texts are used again. @throws ProviderConfigError */
export function vapidAuthorization(options: VapidOptions, clock: () => number): (origin: string) => Promise<string> {
  const { publicKey, subject } = options
  if (!/^(mailto:.+@.+|https:\/\/.+)$/.test(subject)) {
    throw new ProviderConfigError('expected a mailto: or https: URL as VAPID subject')
  }
  const key = readVapidKeys(options)
  const known = new Map<string, { readonly text: Promise<string>; readonly end: number }>()

  return (origin) => {
    const now = clock()
    const present = known.get(origin)
    if (present && present.end - now > marginMs && present.end - now <= validMs) return present.text
    const end = now + validMs
    const claims = { aud: origin, exp: Math.floor(end / 1000), sub: subject }
    const k = publicKey.replace(/=+$/, '')
    const text = signJwt(key, { algorithm: 'ES256', type: 'JWT' }, claims).then((jwt) => `vapid t=${jwt}, k=${k}`)
    known.delete(origin)
    const [oldest] = known.keys()
    if (known.size >= maxOrigins && oldest !== undefined) known.delete(oldest)
    known.set(origin, { text, end })
    return text
  }
}
