// Spec 04 §8: sending through a proxy.
import { dhKey } from '@smpkit/crypto'
import {
  type Codec,
  largeBytes,
  list,
  optional,
  record,
  shortBytes,
  tail,
  versionRange,
  word16,
} from '@smpkit/encoding'
import { serverAddress } from './address.js'
import { basicAuth } from './basic-auth.js'
import { type Commands, type Messages, nobody } from './definitions.js'

export const proxyCommands = {
  /** Asks the proxy to connect to a relay. */
  PRXY: { ...nobody, answers: ['PKEY'], params: record({ server: serverAddress, basicAuth: optional(basicAuth) }) },
  /** Sends a command through the proxy; the entity is the session id of `PKEY`. */
  PFWD: {
    ...nobody,
    entity: 'required',
    answers: ['PRES'],
    params: record({ fwdVersion: word16, commandKey: dhKey, encTransmission: tail }),
  },
  /** What the proxy sends to the relay. */
  RFWD: { ...nobody, role: 'proxy', answers: ['RRES'], params: record({ encFwdTransmission: tail }) },
} as const satisfies Commands

/** A certificate or a signed key, looked at no further than that it is one DER sequence. */
const derSequence: Codec<Uint8Array> = {
  write: largeBytes.write,
  read(r) {
    const at = r.position
    const der = r.largeBytes()
    if (!isDerSequence(der)) throw r.invalid('expected a DER sequence', at)
    return der
  },
}

/** Tag and length bytes that cover the rest: short form, or long form with 1 or 2 length bytes. */
function isDerSequence(der: Uint8Array): boolean {
  const [tag, first = 0, second = 0, third = 0] = der
  const long = first >= 0x81 && first <= 0x82 ? first - 0x80 : 0
  const length = long === 0 ? first : long === 1 ? second : second * 256 + third
  return tag === 0x30 && der.length === 2 + long + length
}

/** The layout of `certChainPubKey` (03 §3). */
const relaySession = record({
  sessionId: shortBytes,
  versionRange,
  certChain: list(derSequence, 1),
  signedKey: derSequence,
})

export const proxyMessages = {
  /** The session with the relay: its id, versions, certificates and signed key. */
  PKEY: { entity: 'empty', params: relaySession },
  PRES: { entity: 'id', params: record({ encResponse: tail }) },
  RRES: { entity: 'empty', params: record({ encFwdResponse: tail }) },
} as const satisfies Messages
