// Shows what a party really sends and receives, by looking into its connections.
import type { BlockConnection } from '@smpkit/smp-commands'
import type { Report } from './report.js'

/** In a person's words, with the RFC's number of the step. */
export type Meaning = readonly [step: number | null, meaning: string]

/** What is to be known of a protocol, to show one of its connections. */
export interface Wire<Session> {
  readonly party: string
  readonly peer: string
  /** Its name. */
  readonly protocol: string
  /** The transmissions in the content of a block. */
  readonly transmissions: (session: Session, content: Uint8Array) => readonly Transmission[]
  /** Of a command or an answer as it stands in its transmission. */
  readonly meaning: (word: string, receiver: string) => Meaning | undefined
}

export interface Transmission {
  readonly length: number
  readonly corrId: Uint8Array
  /** Tag and parameters. */
  readonly command: Uint8Array
}

const text = new TextDecoder('latin1')

/** Connects, and reports each transmission of the connection. */
export async function trace<Session extends { readonly version: number }>(
  connect: () => Promise<BlockConnection<Session>>,
  wire: Wire<Session>,
  report: Report,
): Promise<BlockConnection<Session>> {
  const { party, peer, protocol } = wire
  const start = performance.now()
  const connection = await connect()
  const { session } = connection
  report.step({
    step: null,
    from: party,
    to: peer,
    what: 'handshake',
    meaning: `over TLS 1.3, ${protocol} version ${session.version}`,
    ms: performance.now() - start,
  })
  const asked = new Map<string, number>()
  const show = (content: Uint8Array, [from, to]: readonly [string, string]) => {
    for (const { length, corrId, command } of wire.transmissions(session, content)) {
      const words = text.decode(command)
      const id = text.decode(corrId)
      const since = from === party ? undefined : asked.get(id)
      if (from === party) asked.set(id, performance.now())
      else asked.delete(id)
      const [step, meaning] = wire.meaning(words, to) ?? [null, '']
      const ms = since === undefined ? {} : { ms: performance.now() - since }
      report.step({ step, from, to, what: tagOf(words), meaning, bytes: length, ...ms })
    }
  }
  return {
    session,
    closed: connection.closed,
    close: () => connection.close(),
    send(content) {
      show(content, [party, peer])
      return connection.send(content)
    },
    async *[Symbol.asyncIterator]() {
      for await (const content of connection) {
        show(content, [peer, party])
        yield content
      }
    },
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  }
}

export const tagOf = (words: string): string => words.split(' ', 1)[0] ?? ''
