// Spec 13 §13.11: who is notified of a connection's messages.
import { find, type Row, remove } from '@smpkit/agent-store'
import { type PrivateAuthKey, PrivateKey } from '@smpkit/crypto'
import { addNotifier, removeNotifier } from '@smpkit/smp-client'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { type ConnectionId, idToText } from './connection-id.js'
import type { Context } from './context.js'
import { RequestError } from './errors.js'
import { isReply } from './failures.js'
import { addressOf, recipientOf } from './queues.js'
import type { Step } from './step.js'
import type { ReceiveQueue } from './step-rows.js'

/** What a notification server needs to be notified of a queue's messages. */
export interface NotifierCredentials {
  readonly connection: ConnectionId
  readonly server: ServerAddress
  readonly notifierId: Uint8Array
  readonly notifierKey: PrivateAuthKey
}

const noNotifier = { notifierId: null, notifierKey: null, notifierSecret: null }

/** The queues that the peer sends to now. */
const notifiable = (queues: readonly ReceiveQueue[]): ReceiveQueue[] =>
  queues.filter(({ isPrimary, replaces, deleted }) => isPrimary && replaces === null && !deleted)

/** Stores the wish; all else follows in the background. What was handed out earlier is worthless at once when it ends. */
export async function setNotifications(context: Context, connId: Uint8Array, enable: boolean): Promise<void> {
  await context.step(connId, {}, (step) => {
    if (step.connection.mode !== 'invitation') {
      throw new RequestError('PROHIBITED', 'expected a connection, got a contact address: it has no notifications')
    }
    if (step.connection.notifications === enable) return
    step.set({ notifications: enable })
    if (!enable) for (const { queueNo } of step.receiveQueues) step.setReceiveQueue(queueNo, noNotifier)
    step.command({ tag: 'notifications', enable })
  })
}

/** `NKEY` or `NDEL` as the connection wants it by now. After a crash `NKEY` makes another notifier: nobody knows the first one. */
export async function runNotifications(context: Context, row: Row<'commands'>, signal: AbortSignal): Promise<void> {
  const { connId, commandNo } = row
  const { queues, userId, enable } = await context.step(connId, {}, (step) => ({
    queues: notifiable(step.receiveQueues),
    userId: step.connection.userId,
    enable: step.connection.notifications,
  }))
  for (const queue of queues) {
    const requester = context.network.recipient(queue.server, userId)
    if (enable && !queue.notifierId) {
      const { notifierId, notifierKey, secret } = await addNotifier(requester, recipientOf(queue), { signal })
      const notifier = { notifierId, notifierKey: notifierKey.toDer(), notifierSecret: secret }
      await context.step(connId, {}, (step) => addToQueue(step, queue.queueNo, notifier))
    } else if (!enable) {
      await removeNotifier(requester, recipientOf(queue), { signal }).catch((error: unknown) => {
        if (!isReply(error, 'AUTH')) throw error
      })
    }
  }
  await context.step(connId, {}, (step) => {
    step.write(remove('commands', { commandNo }))
    if (step.connection.notifications === enable) step.event('notifications', { enabled: enable })
  })
}

function addToQueue(step: Step, queueNo: number, notifier: Partial<ReceiveQueue>): void {
  const isWanted = step.connection.notifications && step.receiveQueues.some((queue) => queue.queueNo === queueNo)
  if (isWanted) step.setReceiveQueue(queueNo, notifier)
}

function credentialsOf(queue: ReceiveQueue): NotifierCredentials[] {
  const { connId, server, notifierId, notifierKey } = queue
  if (!notifierId || !notifierKey || notifiable([queue]).length === 0) return []
  const key = PrivateKey.fromDer(notifierKey) as PrivateAuthKey
  return [{ connection: idToText(connId), server: addressOf(server), notifierId, notifierKey: key }]
}

/** Of one connection; none before `NKEY` was answered. */
export async function notifiersOf(context: Context, connId: Uint8Array): Promise<NotifierCredentials[]> {
  const { queues } = await context.store.read({ queues: find('receiveQueues', 'byConnection', { connId }) })
  return queues.flatMap(credentialsOf)
}

/** Of all connections, in pages. */
export async function* allNotifiers(context: Context): AsyncGenerator<NotifierCredentials[], undefined> {
  for await (const page of context.store.pages('receiveQueues', { size: 1000 })) {
    const credentials = page.flatMap(credentialsOf)
    if (credentials.length > 0) yield credentials
  }
}
