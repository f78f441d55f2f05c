import { randomBytes } from '@smpkit/crypto'
import { decryptNmsgMeta } from '@smpkit/smp-commands'
import { describe, expect, it } from 'vitest'
import {
  addNotifier,
  deleteQueue,
  type Notifier,
  type Queue,
  removeNotifier,
  type SmpClientSession,
  SmpPool,
  sendMessage,
  subscribeNotifications,
} from '../src/index.js'
import { bytes, newKey, tagged, useTarget } from './target.js'

const target = useTarget()
const auth = expect.objectContaining({ name: 'SmpReplyError', code: 'AUTH' })

async function notified(): Promise<{ recipient: SmpClientSession; queue: Queue; notifier: Notifier }> {
  const recipient = await target.open()
  const queue = await target.newQueue(recipient)
  return { recipient, queue, notifier: await addNotifier(recipient, queue) }
}

const send = (session: SmpClientSession, queue: Queue, notification = true) =>
  sendMessage(session, { ...queue, senderKey: null }, bytes('wake up'), { notification })

async function metaOf(session: SmpClientSession, { notifierId, secret }: Notifier) {
  const { message } = await target.event(session, tagged('NMSG', notifierId))
  if (message.tag !== 'NMSG') throw new Error('expected NMSG')
  return decryptNmsgMeta(secret, message.nonce, message.encMeta)
}

describe('a notifier', () => {
  it('is told of each message that asks for it, with the id that the recipient sees', async () => {
    const { recipient, queue, notifier } = await notified()
    const watcher = await target.open()
    await subscribeNotifications(watcher, notifier)
    const messages = recipient.messages(queue)
    await send(recipient, queue)
    const { value } = await messages.next()
    const content = value?.open()
    expect(await metaOf(watcher, notifier)).toEqual({ msgId: value?.id, ts: content?.ts })
    expect(content?.quota === false && content.notification).toBe(true)
    await value?.ack()
    // One that does not ask, and then one that does: only that comes.
    await send(recipient, queue, false)
    await (await messages.next()).value?.ack()
    await send(recipient, queue)
    const last = await messages.next()
    expect((await metaOf(watcher, notifier)).msgId).toEqual(last.value?.id)
  })

  it('gets what waited when it subscribes, oldest first, and once', async () => {
    const { recipient, queue, notifier } = await notified()
    for (let i = 0; i < 3; i++) await send(recipient, queue)
    target.tick()
    const watcher = await target.open()
    await subscribeNotifications(watcher, notifier)
    const ids: string[] = []
    for (let i = 0; i < 3; i++) ids.push(String((await metaOf(watcher, notifier)).msgId))
    expect(new Set(ids).size).toBe(3)
    const messages = recipient.messages(queue)
    for (const id of ids) {
      const { value } = await messages.next()
      expect(String(value?.id)).toBe(id)
      await value?.ack()
    }
    const next = await target.open()
    await subscribeNotifications(next, notifier)
    await send(recipient, queue)
    const { value } = await messages.next()
    expect((await metaOf(next, notifier)).msgId).toEqual(value?.id)
  })

  it('that another session subscribes gets END', async () => {
    const { notifier } = await notified()
    const [first, second] = [await target.open(), await target.open()]
    await subscribeNotifications(first, notifier)
    await subscribeNotifications(first, notifier)
    await subscribeNotifications(second, notifier)
    await target.event(first, tagged('END', notifier.notifierId))
  })

  it.each([
    ['NDEL', removeNotifier],
    ['NKEY', addNotifier],
    ['DEL', deleteQueue],
  ])('that %s makes void gets DELD, and its id is unknown then', async (_, change) => {
    const { recipient, queue, notifier } = await notified()
    const watcher = await target.open()
    await subscribeNotifications(watcher, notifier)
    await change(recipient, queue)
    await target.event(watcher, tagged('DELD', notifier.notifierId))
    await expect(subscribeNotifications(watcher, notifier)).rejects.toEqual(auth)
  })

  it('can be removed twice', async () => {
    const { recipient, queue } = await notified()
    await removeNotifier(recipient, queue)
    await removeNotifier(recipient, queue)
  })

  it('obeys only its own key', async () => {
    const { recipient, queue, notifier } = await notified()
    await expect(subscribeNotifications(recipient, { ...notifier, notifierKey: newKey() })).rejects.toEqual(auth)
    const strangers = [randomBytes(24), queue.recipientId, queue.senderId]
    for (const notifierId of strangers) {
      await expect(subscribeNotifications(recipient, { ...notifier, notifierId })).rejects.toEqual(auth)
    }
  })

  it('can be made with the queue', async (context) => {
    target.needs(context, 'v17')
    const recipient = await target.open()
    const queue = await target.newQueue(recipient, { notifierKey: newKey() })
    const notifier = queue.notifier as Notifier
    const watcher = await target.open()
    await subscribeNotifications(watcher, notifier)
    await send(recipient, queue)
    const { value } = await recipient.messages(queue).next()
    expect((await metaOf(watcher, notifier)).msgId).toEqual(value?.id)
  })

  it('loses notifications that wait for more than a day', async (context) => {
    target.needs(context, 'clock')
    const { recipient, queue, notifier } = await notified()
    await send(recipient, queue)
    target.tick(26 * 3_600_000)
    const later = await target.open()
    await subscribeNotifications(later, notifier)
    await send(later, queue)
    // The first one that comes is that of the second message.
    const { msgId } = await metaOf(later, notifier)
    const messages = later.messages(queue)
    await later.request({ command: { tag: 'SUB' }, entityId: queue.recipientId, key: queue.recipientKey })
    const { value: first } = await messages.next()
    expect(first?.id).not.toEqual(msgId)
    await first?.ack()
    expect((await messages.next()).value?.id).toEqual(msgId)
  })
})

describe('a pool', () => {
  it('subscribes notifiers, passes NMSG on, and tells of those that are refused', async () => {
    const { recipient, queue, notifier } = await notified()
    await using pool = new SmpPool()
    const server = pool.server(target.address)
    const outcomes = await server.subscribe('notifications', [
      { id: notifier.notifierId, key: notifier.notifierKey },
      { id: randomBytes(24), key: newKey() },
    ])
    expect(outcomes.map(({ result, error }) => error?.code ?? result)).toEqual(['ok', 'AUTH'])
    await send(recipient, queue)
    const ticking = setInterval(() => target.tick(), 20)
    const { value } = await pool.events.next()
    clearInterval(ticking)
    expect(value).toMatchObject({ server, entityId: notifier.notifierId, message: { tag: 'NMSG' } })
  })
})
