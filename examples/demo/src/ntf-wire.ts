// Spec 20: what the phone says to its notification server in the NTF protocol, and what that says.
import { decode, record, shortBytes, tail } from '@smpkit/encoding'
import type { NtfClientEnd, NtfCommandTag, NtfConnect, NtfResponseTag } from '@smpkit/ntf-protocol'
import { connectNtf } from '@smpkit/ntf-protocol/transport'
import { parseBlock } from '@smpkit/smp-commands'
import type { Report } from './report.js'
import { type Meaning, tagOf, trace, type Wire } from './wire.js'

/** As it is from version 2 on, which both ends speak here. */
const transmission = record({ authorization: shortBytes, corrId: shortBytes, entityId: shortBytes, command: tail })

const meanings: Partial<Record<NtfCommandTag | NtfResponseTag, Meaning>> = {
  TNEW: [null, 'here is my push token'],
  IDTKN: [null, 'registered; a code is on its way'],
  TVFY: [null, 'the code, decrypted'],
  OK: [null, 'the token is active'],
  SNEW: [3, 'wake me for my queue'],
  IDSUB: [null, 'noted; this is its id here'],
  SCHK: [null, 'are you subscribed to it?'],
  SUB: [null, 'not ACTIVE yet'],
}

const wire: Wire<NtfClientEnd> = {
  party: 'recipient',
  peer: 'notification server',
  protocol: 'NTF',
  transmissions: (_, content) =>
    parseBlock(content).map((bytes) => ({ ...decode(transmission, bytes), length: bytes.length })),
  meaning: (words) =>
    words === 'SUB ACTIVE'
      ? [6, 'ACTIVE: I will, when it gets a message']
      : meanings[tagOf(words) as NtfCommandTag | NtfResponseTag],
}

/** Connects over TLS and reports each transmission of the connection. */
export function tracedNtf(report: Report): NtfConnect {
  return (server, { signal }) => trace(() => connectNtf(server, { ...(signal && { signal }) }), wire, report)
}
