// Spec 13 §13.1: what an application may know of its connections.
import { get, type MessageStatus, type Synchronization } from '@smpkit/agent-store'
import { decode } from '@smpkit/encoding'
import { ratchetState, securityCode } from '@smpkit/ratchet'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { type ConnectionId, idToText } from './connection-id.js'
import type { Context } from './context.js'
import { RequestError } from './errors.js'
import { addressOf } from './queues.js'
import { canSend } from './sending.js'
import { Step } from './step.js'
import { type ConnectionRows, connectionQueries } from './step-rows.js'

export interface ConnectionInfo {
  readonly connection: ConnectionId
  /** `contact` is an address, which only gets requests. */
  readonly mode: 'invitation' | 'contact'
  readonly userId: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** Whether `send` takes messages now. */
  readonly canSend: boolean
  /** `required` also after a backup was restored. */
  readonly synchronization: Exclude<Synchronization, 'restored'>
  /** Whether the post-quantum ratchet may be used. */
  readonly pqSupport: boolean
  readonly notifications: boolean
  readonly isBeingDeleted: boolean
  /** Where our queues are, and those that we send to. */
  readonly receiveServers: readonly ServerAddress[]
  readonly sendServers: readonly ServerAddress[]
  /** 32 bytes that are the same on both sides, if nobody stands between them: to be compared by other means. `null` before there is a ratchet. */
  readonly securityCode: Uint8Array | null
}

const noNumbers = { nextEventId: () => 0, nextCommandNo: () => 0, now: () => 0 }

function infoOf(rows: ConnectionRows): ConnectionInfo {
  const { connection, receiveQueues, sendQueues, ratchet } = rows
  const { connId, mode, userId, createdAt, synchronization, pqSupport, notifications, deletion } = connection
  return {
    connection: idToText(connId),
    mode,
    userId,
    createdAt,
    canSend: deletion !== 'now' && canSend(new Step(rows, noNumbers)),
    synchronization: synchronization === 'restored' ? 'required' : synchronization,
    pqSupport,
    notifications,
    isBeingDeleted: deletion !== 'no',
    receiveServers: receiveQueues.filter(({ deleted }) => !deleted).map(({ server }) => addressOf(server)),
    sendServers: sendQueues.map(({ server }) => addressOf(server)),
    securityCode: ratchet?.state ? securityCode(decode(ratchetState, ratchet.state)) : null,
  }
}

/** @throws RequestError `NOT_FOUND` */
export async function connectionInfo(context: Context, connId: Uint8Array): Promise<ConnectionInfo> {
  const { connection, ...rows } = await context.store.read(connectionQueries(connId))
  if (!connection) throw new RequestError('NOT_FOUND', 'expected a connection of this agent, found none with that id')
  return infoOf({ connection, ...rows })
}

/** All of them, in no special order. */
export async function* allConnections(context: Context): AsyncGenerator<ConnectionInfo, undefined> {
  for await (const page of context.store.pages('connections', { size: 100 })) {
    for (const connection of page) {
      const rows = await context.store.read(connectionQueries(connection.connId))
      if (rows.connection) yield infoOf({ ...rows, connection: rows.connection })
    }
  }
}

/** What has become of a message of ours. @throws RequestError `NOT_FOUND`, also for one that was received by the peer long ago */
export async function messageStatus(context: Context, connId: Uint8Array, messageId: number): Promise<MessageStatus> {
  const { message } = await context.store.read({ message: get('messages', { connId, messageId }) })
  if (message?.type === 'msg') return message.status
  throw new RequestError('NOT_FOUND', 'expected a message of ours that is still known, found none with that number')
}
