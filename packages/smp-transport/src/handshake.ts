// Spec 03 §3: a handshake is a conversation in blocks between TLS and the connection that it makes.
import type { BlockConnection } from '@smpkit/smp-commands'
import type { BlockChains, BlockChannel } from './block-channel.js'
import { type Deadline, within } from './deadline.js'
import { SmpTransportError } from './errors.js'
import type { TlsFacts } from './tls-options.js'

/** What a handshake has to work with. Blocks are not encrypted before it is done. */
export interface HandshakeContext extends TlsFacts {
  send(content: Uint8Array): Promise<void>
  /** @throws SmpTransportError if the connection ends before a block comes */
  receive(): Promise<Uint8Array>
}

export interface HandshakeResult<S> {
  session: S
  /** Encrypts all blocks from here on. */
  chains?: BlockChains | undefined
}

/** Any error that it throws ends the connection when what it sent has been written. */
export type Handshake<S> = (context: HandshakeContext) => Promise<HandshakeResult<S>>

class TlsBlockConnection<S> implements BlockConnection<S> {
  readonly #channel: BlockChannel

  constructor(
    channel: BlockChannel,
    readonly session: S,
  ) {
    this.#channel = channel
  }

  get closed(): Promise<SmpTransportError | undefined> {
    return this.#channel.closed
  }

  send(content: Uint8Array): Promise<void> {
    return this.#channel.send(content)
  }

  close(): Promise<void> {
    return this.#channel.close()
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return this.#channel
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Turns a channel into a connection, or ends it. @throws SmpTransportError */
export async function performHandshake<S>(
  channel: BlockChannel,
  facts: TlsFacts,
  handshake: Handshake<S>,
  deadline: Deadline,
): Promise<BlockConnection<S>> {
  const receive = async () => {
    const { value } = await channel.next()
    if (value) return value
    const cause = await channel.closed
    throw new SmpTransportError(cause?.code ?? 'CLOSED', 'the peer ended the connection in the handshake', { cause })
  }
  const context: HandshakeContext = { ...facts, receive, send: (content) => channel.send(content) }
  try {
    const { session, chains } = await within(deadline, () => handshake(context))
    if (chains) channel.encrypt(chains)
    return new TlsBlockConnection(channel, session)
  } catch (cause) {
    const error = handshakeError(cause)
    if (error.code === 'HANDSHAKE') channel.failAfterFlush(error)
    else channel.fail(error)
    throw error
  }
}

function handshakeError(cause: unknown): SmpTransportError {
  if (cause instanceof SmpTransportError) return cause
  const message = cause instanceof Error ? cause.message : 'the handshake failed'
  return new SmpTransportError('HANDSHAKE', message, { cause })
}
