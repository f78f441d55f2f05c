// Shows what a party really sends and receives, by looking into its connections.
import type { Connect } from '@smpkit/smp-client'
import {
  type BlockConnection,
  type ClientSession,
  type CommandTag,
  type MessageTag,
  parseBlock,
  parseTransmission,
} from '@smpkit/smp-commands'
import { connectSmp } from '@smpkit/smp-transport'
import type { Report } from './report.js'

/** Commands and messages in a person's words, with the RFC's number of the step. */
const meanings: Partial<Record<CommandTag | MessageTag, readonly [step: number | null, meaning: string]>> = {
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

const text = new TextDecoder('latin1')

/** Connects over TLS and reports each transmission of the connection. */
export function traced(party: string, report: Report): Connect {
  return async (server, options) => {
    const start = performance.now()
    const connection = await connectSmp(server, options)
    const { version } = connection.session
    const meaning = `over TLS 1.3, SMP version ${version}`
    report.step({
      step: null,
      from: party,
      to: 'SMP server',
      what: 'handshake',
      meaning,
      ms: performance.now() - start,
    })
    return trace(connection, party, report)
  }
}

function trace(
  connection: BlockConnection<ClientSession>,
  party: string,
  report: Report,
): BlockConnection<ClientSession> {
  const asked = new Map<string, number>()
  const show = (content: Uint8Array, [from, to]: readonly [string, string]) => {
    for (const bytes of parseBlock(content)) {
      const { corrId, command } = parseTransmission(connection.session.version, bytes)
      const tag = text.decode(command).split(' ', 1)[0] as CommandTag | MessageTag
      const id = text.decode(corrId)
      const since = from === party ? undefined : asked.get(id)
      if (from === party) asked.set(id, performance.now())
      else asked.delete(id)
      // Servers below version 16 answer NSUB with OK.
      const known = tag === 'OK' && to === 'notification server' ? meanings.SOK : meanings[tag]
      const [step, meaning] = known ?? [null, '']
      const ms = since === undefined ? {} : { ms: performance.now() - since }
      report.step({ step, from, to, what: tag, meaning, bytes: bytes.length, ...ms })
    }
  }
  return {
    session: connection.session,
    closed: connection.closed,
    close: () => connection.close(),
    send(content) {
      show(content, [party, 'SMP server'])
      return connection.send(content)
    },
    async *[Symbol.asyncIterator]() {
      for await (const content of connection) {
        show(content, ['SMP server', party])
        yield content
      }
    },
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  }
}
