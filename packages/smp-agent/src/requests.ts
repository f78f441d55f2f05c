// Spec 13 §13.4: requests to a contact address, as its owner gets them.
import { find, get, insert, type Row, update } from '@smpkit/agent-store'
import { sha256 } from '@smpkit/crypto'
import { encode } from '@smpkit/encoding'
import { queueAddress } from '@smpkit/smp-commands/address'
import { idToText, newId } from './connection-id.js'
import { agreeVersions, connectionRequestToText } from './connection-request.js'
import type { Context } from './context.js'
import { LinkError, PeerError, RequestError } from './errors.js'
import { dhKeyOf, secretWith } from './queues.js'
import type { Received, Verdict } from './received.js'
import { storedRequest } from './stored.js'
import { has } from './versions.js'

/** Requests to one address that wait for an answer; more are dropped, as strangers make them. */
const maxWaiting = 1000

export async function onRequest(context: Context, received: Received<'invitation'>): Promise<Verdict> {
  const { queue, connection, envelope } = received
  const { connId } = queue
  if (connection.mode !== 'contact') {
    throw new PeerError('A_PROHIBITED', 'expected a confirmation, got a request to a contact address')
  }
  const { connReq, connInfo } = envelope
  const { pqSupport } = requireVersions(context, received)
  const [first] = connReq.queues
  if (!first) throw new PeerError('A_MESSAGE', 'expected a request with a queue')
  secretWith(dhKeyOf(queue), first.dhKey)
  const firstQueue = sha256(encode(queueAddress, { server: first.server, senderId: first.senderId }))
  const repeated = await context.step(
    connId,
    {
      same: find('requests', 'byFirstQueue', { connId, firstQueue }, 1),
      waiting: find('requests', 'byWaiting', { connId, status: 'new' }, maxWaiting),
    },
    (step, { same, waiting }) => {
      const [known] = same
      if (known) return known
      if (waiting.length >= maxWaiting)
        throw new PeerError('A_PROHIBITED', `expected at most ${maxWaiting} requests to wait for an answer`)
      const requestId = newId()
      step.write(
        insert('requests', {
          requestId,
          connId,
          firstQueue,
          status: 'new',
          acceptedId: new Uint8Array(0),
          data: storedRequest.toBytes({ link: connectionRequestToText(connReq), info: null }),
          createdAt: step.now,
        }),
      )
      step.event('request', { requestId: idToText(requestId), info: connInfo, pqSupport })
      return undefined
    },
  )
  if (repeated?.status === 'accepted') await answerAgain(context, repeated)
  return 'ack'
}

/** @throws PeerError `A_VERSION` */
function requireVersions(context: Context, { envelope }: Received<'invitation'>): { pqSupport: boolean } {
  try {
    const { agentVersion, e2eVersion } = agreeVersions(envelope.connReq)
    return { pqSupport: context.pqSupport && has(agentVersion, 'pqRatchet') && (e2eVersion ?? 0) >= 3 }
  } catch (cause) {
    if (cause instanceof LinkError) throw new PeerError('A_VERSION', cause.message, { cause })
    throw cause
  }
}

/** The requester asks again for what was accepted: it may not have got our confirmation, as long as it did not answer it. */
async function answerAgain(context: Context, { acceptedId: connId, data }: Row<'requests'>): Promise<void> {
  const { info } = storedRequest.fromBytes(data)
  const { connection } = await context.store.read({ connection: get('connections', { connId }) })
  if (!connection || !info) return
  const underWay = {
    deliveries: find('deliveries', 'byConnection', { connId }, 1),
    commands: find('commands', 'byConnection', { connId }, 1),
  }
  await context.step(connId, underWay, (step, { deliveries, commands }) => {
    const isAnswered = step.receiveQueues.some(({ e2eSecret }) => e2eSecret !== null)
    if (!isAnswered && deliveries.length === 0 && commands.length === 0) step.command({ tag: 'join', info })
  })
}

/** Nothing is sent: the requester waits in vain. */
export async function reject(context: Context, requestId: Uint8Array): Promise<void> {
  await context.store.atomic({ request: get('requests', { requestId }) }, ({ request }) => {
    if (!request) throw new RequestError('NOT_FOUND', 'expected a request to one of our contact addresses')
    if (request.status === 'accepted')
      throw new RequestError('PROHIBITED', 'expected a request that was not accepted yet')
    return { writes: [update('requests', { requestId }, { status: 'rejected' })], result: undefined }
  })
}
