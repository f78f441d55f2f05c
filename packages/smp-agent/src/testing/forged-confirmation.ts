// The first message to a queue of an invitation, made by hand, with whatever is to be wrong in it.
import { dh, PrivateKey, type PublicKey } from '@smpkit/crypto'
import { encode } from '@smpkit/encoding'
import { type E2eParams, encrypt, startSending } from '@smpkit/ratchet'
import { SmpPool, sendMessage } from '@smpkit/smp-client'
import { afterAll } from 'vitest'
import type { AgentEnvelope } from '../agent-envelope.js'
import { type AgentMessage, agentMessage } from '../agent-message.js'
import { type ClientMessage, encryptClientMessage } from '../client-message.js'
import { parseConnectionRequest } from '../connection-request.js'
import { ratchetPaddedLength } from '../size-limits.js'
import { bytes } from './users.js'

export interface Forgery {
  readonly agentVersion?: number
  readonly clientVersion?: number
  readonly senderKey?: ClientMessage['senderKey']
  /** Stands before the encrypted message, which is made with another one. */
  readonly wrongDhKey?: PublicKey<'x25519'>
  readonly params?: (params: E2eParams) => E2eParams | null
  /** What the ratchet encrypts. Default: info with a reply queue that is not there. */
  readonly content?: AgentMessage
  /** Of the reply queue. */
  readonly replyKey?: PublicKey<'x25519'>
  /** What the ratchet has made. */
  readonly encrypted?: (message: Uint8Array) => Uint8Array
  /** In place of the confirmation. */
  readonly envelope?: AgentEnvelope
}

/** The body of a `SEND` to the queue of a link. */
export function forgeConfirmation(link: string, forgery: Forgery = {}): Uint8Array {
  const { clientVersion = 4, agentVersion = 7, senderKey = null } = forgery
  const request = parseConnectionRequest(link)
  const [queue] = request.queues
  if (!queue) throw new Error('expected a link with a queue')
  const key = PrivateKey.generate('x25519')
  const envelope = forgery.envelope ?? {
    agentVersion,
    type: 'confirmation' as const,
    ...encryptedPart(request, forgery),
  }
  return encryptClientMessage(
    dh(key, queue.dhKey),
    { senderKey, envelope },
    { clientVersion, dhKey: forgery.wrongDhKey ?? key.publicKey },
  )
}

function encryptedPart(
  request: ReturnType<typeof parseConnectionRequest>,
  { params: change = (params) => params, content, replyKey, encrypted = (message) => message }: Forgery,
) {
  if (request.type !== 'invitation') throw new Error('expected an invitation')
  const [queue] = request.queues
  if (!queue) throw new Error('expected a link with a queue')
  const { key1, key2 } = request.e2e
  const { params, state } = startSending({ version: 3, key1, key2, kem: null }, { pqSupport: false })
  const { server, senderId } = queue
  const reply = { version: 4, server, senderId, dhKey: replyKey ?? queue.dhKey, queueMode: 'messaging' } as const
  const plain = encode(
    agentMessage,
    content ?? { type: 'connInfoReply', replyQueues: [reply], connInfo: bytes('forged') },
  )
  const { message } = encrypt(state, plain, ratchetPaddedLength('confirmation', false))
  return { e2eParams: change(params), encConnInfo: encrypted(message) }
}

/** Sends bodies to the queue of a link, unsigned, as one does that has only the link. */
export function useStrangers(): (link: string, body: Uint8Array) => Promise<void> {
  const pool = new SmpPool()
  afterAll(() => pool.close())
  return async (link, body) => {
    const [queue] = parseConnectionRequest(link).queues
    if (!queue) throw new Error('expected a link with a queue')
    const { server, senderId } = queue
    await sendMessage(pool.server(server), { senderId, senderKey: null }, body, { notification: false })
  }
}
