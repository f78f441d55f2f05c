// Spec 20 §13: the address by which clients of the NTF protocol name this server.
import os from 'node:os'
import { ntfAddressToText, ntfDefaultPort, parseNtfAddress } from '@smpkit/ntf-protocol'
import type { Config } from './config-keys.js'
import type { HostPort } from './config-types.js'

export function ntfAddress({ host }: Pick<Config['ntf'], 'host'>, listen: HostPort, keyHash: Uint8Array): string {
  const { hosts, port } = parseNtfAddress(`ntf://AAAA@${host ?? knownHost(listen)}`)
  const number = port === '' ? listen.port : Number(port)
  return ntfAddressToText({ hosts, port: number === ntfDefaultPort ? '' : String(number), keyHash })
}

/** Where this machine may be found, if nobody says it. */
function knownHost({ host }: HostPort): string {
  if (host === '0.0.0.0' || host === '::') return os.hostname()
  return host.includes(':') ? `[${host}]` : host
}
