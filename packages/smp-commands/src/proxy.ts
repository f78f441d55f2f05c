// Spec 04 §8: sending through a proxy.
import { dhKey } from '@smpkit/crypto'
import { optional, record, shortBytes, tail, versionRange, word16 } from '@smpkit/encoding'
import { serverAddress } from './address.js'
import { basicAuth } from './basic-auth.js'
import { certChainFields } from './cert-chain.js'
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

export const proxyMessages = {
  /** The session with the relay: its id, versions, certificates and signed key. */
  PKEY: { entity: 'empty', params: record({ sessionId: shortBytes, versionRange, ...certChainFields }) },
  PRES: { entity: 'id', params: record({ encResponse: tail }) },
  RRES: { entity: 'empty', params: record({ encFwdResponse: tail }) },
} as const satisfies Messages
