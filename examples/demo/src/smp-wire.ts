// Spec 04: what a party says to its SMP server, and what that says.
import type { Connect } from '@smpkit/smp-client'
import {
  type ClientSession,
  type CommandTag,
  type MessageTag,
  parseBlock,
  parseTransmission,
} from '@smpkit/smp-commands'
import { connectSmp } from '@smpkit/smp-transport'
import type { Report } from './report.js'
import { type Meaning, tagOf, trace, type Wire } from './wire.js'

const meanings: Partial<Record<CommandTag | MessageTag, Meaning>> = {
  NEW: [null, 'create a queue'],
  IDS: [null, 'its ids: to receive by, to send by'],
  SKEY: [null, 'from now on only I can send to it'],
  NKEY: [1, 'enable notifications for my queue'],
  NID: [2, 'enabled; this is the notifier id'],
  NSUB: [4, 'subscribe me; the notifier key signs'],
  SOK: [5, 'subscribed'],
  SEND: [null, 'an encrypted message, to be notified of'],
  NMSG: [5, 'a new message, told every 1.5 s or so'],
  GET: [null, 'fetch the message, do not subscribe'],
  MSG: [null, 'the message, in its padded envelope'],
  ACK: [null, 'received: delete it'],
  OK: [null, 'done'],
  DEL: [null, 'delete the queue'],
}

/** Connects over TLS and reports each transmission of the connection. */
export function traced(party: string, report: Report): Connect {
  const wire: Wire<ClientSession> = {
    party,
    peer: 'SMP server',
    protocol: 'SMP',
    transmissions: ({ version }, content) =>
      parseBlock(content).map((bytes) => ({ ...parseTransmission(version, bytes), length: bytes.length })),
    meaning(words, receiver) {
      const tag = tagOf(words) as CommandTag | MessageTag
      // Servers below version 16 answer NSUB with OK.
      return tag === 'OK' && receiver === 'notification server' ? meanings.SOK : meanings[tag]
    },
  }
  return (server, options) => trace(() => connectSmp(server, options), wire, report)
}
