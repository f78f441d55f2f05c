// Spec 21 A4, B2: where an operator says that a push provider is, and whose certificates it shows.
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { ProviderConfigError } from './errors.js'

export interface FarEnd {
  readonly host: string
  readonly port: number
  /** Certificates in PEM. */
  readonly ca?: string | readonly string[] | undefined
}

/** What cannot be connected to would show as a failure of the network, with each push. @throws ProviderConfigError */
export function checkFarEnd({ host, port, ca }: FarEnd): void {
  if (isIP(host) === 0 && !/^[\w-]+(\.[\w-]+)*\.?$/.test(host)) {
    throw new ProviderConfigError('expected a name or an IP address as host')
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new ProviderConfigError(`expected a port from 1 to 65535, got ${port}`)
  }
  checkAuthorities(ca)
}

/** @throws ProviderConfigError */
export function checkAuthorities(ca: FarEnd['ca']): void {
  if (ca === undefined) return
  const texts = [ca].flat()
  if (texts.length === 0 || !texts.every(isCertificate))
    throw new ProviderConfigError('expected certificates in PEM as ca')
}

/** TLS itself ignores what is none. */
function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined
  } catch {
    return false
  }
}
