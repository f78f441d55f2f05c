// Spec 03 §3.1–§3.3, 06 §2: the three messages of the handshake. Each is the content of a block.
import { dhKey, type PublicKey } from '@smpkit/crypto'
import {
  bool,
  type Codec,
  DecodeError,
  letters,
  optional,
  Reader,
  record,
  shortBytes,
  type Value,
  versionRange,
  word16,
} from '@smpkit/encoding'
import { type CertChainPubKey, certChainFields, certChainPubKey } from './cert-chain.js'
import { type TransportError, transportError } from './error-type.js'
import { HandshakeError } from './errors.js'
import type { ServiceRole } from './session.js'
import { has, type SmpVersion, smpVersions } from './versions.js'

const serverHelloStart = record({ versionRange, sessionId: shortBytes })

/** `certChain` and `signedKey` are present from a range up to 7, and always together. */
export type ServerHello = Value<typeof serverHelloStart> & (CertChainPubKey | typeof withoutKey)

const keysSince = 7
const withoutKey = { certChain: null, signedKey: null }

export const serverHello: Codec<ServerHello> = {
  write(w, v) {
    serverHelloStart.write(w, v)
    if (v.certChain) certChainPubKey.write(w, v)
  },
  read(r) {
    const start = serverHelloStart.read(r)
    const key = start.versionRange.max < keysSince ? withoutKey : readKey(r)
    return { ...start, ...key }
  },
}

/** A key that cannot be read counts as absent. */
function readKey(r: Reader): CertChainPubKey | typeof withoutKey {
  try {
    return certChainPubKey.read(r)
  } catch (error) {
    if (error instanceof DecodeError) return withoutKey
    throw error
  }
}

const serviceRole: Codec<ServiceRole> = letters({ M: 'messaging', N: 'notifier', P: 'proxy' })

/** What a client says of its service certificate; the key in `signedKey` is Ed25519. */
const serviceHello = record({ role: serviceRole, ...certChainFields })
export type ServiceHello = Value<typeof serviceHello>

export interface ClientHello {
  /** The one version that the client chose; it decides what follows. */
  version: number
  /** Fingerprint of the server that the client means. */
  keyHash: Uint8Array
  sessionKey: PublicKey<'x25519'> | null
  proxyServer: boolean
  /** Always `null` below version 16. */
  service: ServiceHello | null
}

const clientHelloStart = record({ version: word16, keyHash: shortBytes })
const service = optional(serviceHello)
const keyLength = 44

/** Of a hello below version 14 only version and key hash are written and read. */
export const clientHello: Codec<ClientHello> = {
  write(w, v) {
    clientHelloStart.write(w, v)
    if (v.version < smpVersions.min) return
    if (v.sessionKey) dhKey.write(w, v.sessionKey)
    bool.write(w, v.proxyServer)
    if (has(v.version as SmpVersion, 'serviceCertificates')) service.write(w, v.service)
  },
  read(r) {
    const start = clientHelloStart.read(r)
    if (start.version < smpVersions.min) return { ...start, sessionKey: null, proxyServer: false, service: null }
    return {
      ...start,
      // Nothing says whether there is a key: its length cannot be mistaken for T or F.
      sessionKey: r.peek() === keyLength ? dhKey.read(r) : null,
      proxyServer: bool.read(r),
      service: has(start.version as SmpVersion, 'serviceCertificates') ? service.read(r) : null,
    }
  },
}

/** The server's answer to a service: its id for it, or why it refuses. */
export type ServiceResponse = { serviceId: Uint8Array; error: null } | { serviceId: null; error: TransportError }

const responseTag = letters({ R: 'accepted', E: 'refused' })

export const serviceResponse: Codec<ServiceResponse> = {
  write(w, v) {
    responseTag.write(w, v.error ? 'refused' : 'accepted')
    if (v.error) transportError.write(w, v.error)
    else shortBytes.write(w, v.serviceId)
  },
  read(r) {
    return responseTag.read(r) === 'refused'
      ? { serviceId: null, error: transportError.read(r) }
      : { serviceId: shortBytes.read(r), error: null }
  },
}

/** Reads a message of the handshake. Bytes after it are for extensions and ignored. @throws HandshakeError `PARSE` */
export function readHello<T>(codec: Codec<T>, content: Uint8Array, name: string): T {
  try {
    return codec.read(new Reader(content))
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause
    throw new HandshakeError('PARSE', `expected a ${name}: ${cause.message}`, { cause })
  }
}
