// Spec 13 §13.11: what a push tells is fetched without subscribing: the connection of a phone that goes back to sleep.
import { find, get, update } from '@smpkit/agent-store'
import { equalBytes, toMapKey } from '@smpkit/encoding'
import type { Requester } from '@smpkit/smp-client'
import { decryptNmsgMeta } from '@smpkit/smp-commands'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { type ConnectionId, idToText } from './connection-id.js'
import type { Context } from './context.js'
import { problemOf } from './failures.js'
import { addressOf, recipientOf } from './queues.js'
import { receive } from './receive.js'
import type { ReceiveQueue } from './step-rows.js'

/** One item of a decrypted push: what the payload of `@smpkit/push-providers` gives. */
export interface WakeUpItem {
  readonly server: ServerAddress
  readonly notifierId: Uint8Array
  readonly nonce: Uint8Array
  readonly encMeta: Uint8Array
}

export interface WakeUpOptions {
  /** How long it may take, in milliseconds. Default: 20 000, which is less than a phone gives to what a push has woken. */
  readonly timeBudget?: number
  readonly signal?: AbortSignal
}

/** What has become of the items of one queue. */
export interface WakeUpResult {
  /** `null` for a queue that is none of ours. */
  readonly connection: ConnectionId | null
  /** How many messages were fetched and acknowledged; those of the peer's application come as events. */
  readonly messages: number
  /**
   * `empty`: the queue has no more messages. `known`: the push told only of messages that came before it. `timeBudget`: there was no more time,
   * or the application did not acknowledge in time. `subscribed`: messages of this queue come anyway. `unknown`: no queue of ours.
   */
  readonly outcome: 'empty' | 'known' | 'timeBudget' | 'subscribed' | 'unknown' | 'failed'
  /** Why it has failed. */
  readonly problem?: { readonly code: string; readonly reason: string }
}

const parallel = 8

/**
 * Fetches what a push tells of, queue by queue; a message's event is to be acknowledged before the next one is fetched. Settles when all queues
 * are empty or the time is over.
 */
export async function wakeUp(
  context: Context,
  items: readonly WakeUpItem[],
  { timeBudget = 20_000, signal }: WakeUpOptions = {},
): Promise<WakeUpResult[]> {
  const ending = new AbortController()
  const end = () => ending.abort()
  const cancel = context.clock.schedule(end, timeBudget)
  for (const one of [signal, context.closing]) one?.addEventListener('abort', end)
  if (signal?.aborted || context.closing.aborted) end()
  const groups = [...groupByQueue(items).values()]
  const results: WakeUpResult[] = new Array(groups.length)
  const next = groups.entries()
  try {
    const work = async () => {
      for (const [i, group] of next) results[i] = await fetchQueue(context, group, ending.signal)
    }
    await Promise.all(Array.from({ length: Math.min(parallel, groups.length) }, work))
    return results
  } finally {
    cancel()
    for (const one of [signal, context.closing]) one?.removeEventListener('abort', end)
    await context.rest()
  }
}

/** In the order of the push; the last item of all always counts. */
function groupByQueue(items: readonly WakeUpItem[]): Map<string, { item: WakeUpItem; isLast: boolean }[]> {
  const groups = new Map<string, { item: WakeUpItem; isLast: boolean }[]>()
  for (const [i, item] of items.entries()) {
    const key = toMapKey(item.server.keyHash) + toMapKey(item.notifierId)
    const group = groups.get(key) ?? []
    groups.set(key, group)
    group.push({ item, isLast: i === items.length - 1 })
  }
  return groups
}

async function fetchQueue(
  context: Context,
  group: readonly { item: WakeUpItem; isLast: boolean }[],
  ending: AbortSignal,
): Promise<WakeUpResult> {
  const [first] = group
  if (!first) return { connection: null, messages: 0, outcome: 'unknown' }
  let connection: ConnectionId | null = null
  let messages = 0
  try {
    const { notifierId, server } = first.item
    const { queues } = await context.store.read({ queues: find('receiveQueues', 'byNotifierId', { notifierId }) })
    const queue = queues.find((one) => equalBytes(addressOf(one.server).keyHash, server.keyHash) && !one.deleted)
    if (!queue) return { connection, messages, outcome: 'unknown' }
    connection = idToText(queue.connId)
    if (context.isSubscribed(queue)) return { connection, messages, outcome: 'subscribed' }
    const newest = newestOf(queue, group)
    if (newest === undefined) return { connection, messages, outcome: 'known' }
    const isEmpty = await context.fetching.exclusive(queue, ending, async () => {
      while (!ending.aborted) {
        const fetched = await fetchOne(context, queue, ending)
        if (fetched === 'none') return true
        if (fetched === 'acknowledged') messages++
      }
      return false
    })
    if (isEmpty) await noteTime(context, queue, newest)
    return { connection, messages, outcome: isEmpty ? 'empty' : 'timeBudget' }
  } catch (error) {
    if (ending.aborted) return { connection, messages, outcome: 'timeBudget' }
    return { connection, messages, outcome: 'failed', problem: problemOf(error) }
  }
}

/**
 * The server's time of the newest message that is worth fetching, 0 where it is not known; `undefined` if all came before. What cannot be decrypted
 * counts as well.
 */
function newestOf(
  { notifierSecret, lastMessageTs }: ReceiveQueue,
  group: readonly { item: WakeUpItem; isLast: boolean }[],
): number | undefined {
  let newest: number | undefined
  for (const { item, isLast } of group) {
    const ts = timeOf(notifierSecret, item)
    if (isLast || ts === undefined || ts > lastMessageTs) newest = Math.max(newest ?? 0, ts ?? 0)
  }
  return newest
}

function timeOf(secret: Uint8Array | null, { nonce, encMeta }: WakeUpItem): number | undefined {
  try {
    return secret ? decryptNmsgMeta(secret, nonce, encMeta).ts : undefined
  } catch {
    return undefined
  }
}

/** `GET`, and all that follows until the message is acknowledged, or the time is over (`open`). */
async function fetchOne(
  context: Context,
  queue: ReceiveQueue,
  ending: AbortSignal,
): Promise<'none' | 'acknowledged' | 'open'> {
  const { connId, queueNo } = queue
  const { connection } = await context.store.read({ connection: get('connections', { connId }) })
  if (!connection) return 'none'
  const requester: Requester = context.network.recipient(queue.server, connection.userId)
  const { recipientId, recipientKey } = recipientOf(queue)
  const command = { tag: 'GET' } as const
  const answer = await requester.request({ command, entityId: recipientId, key: recipientKey }, { signal: ending })
  if (answer.tag !== 'MSG') return 'none'
  const acknowledged = context.fetching.acknowledgement(queue, answer.msgId, ending)
  await receive(context, { connId, queueNo }, answer)
  return (await acknowledged) ? 'acknowledged' : 'open'
}

async function noteTime(context: Context, { connId, queueNo, lastMessageTs }: ReceiveQueue, ts: number): Promise<void> {
  if (ts <= lastMessageTs) return
  const queries = { queue: get('receiveQueues', { connId, queueNo }) }
  await context.store.atomic(queries, ({ queue }) => ({
    writes:
      queue && queue.lastMessageTs < ts ? [update('receiveQueues', { connId, queueNo }, { lastMessageTs: ts })] : [],
    result: undefined,
  }))
}
