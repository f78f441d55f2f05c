import { emptyIdsHash, xorIdsHash } from '@smpkit/crypto'
import { has } from '@smpkit/smp-commands'
import { createServiceCredentials } from '@smpkit/smp-transport'
import { describe, expect, it } from 'vitest'
import {
  addNotifier,
  type Notifier,
  type SmpClientSession,
  sendMessage,
  subscribe,
  subscribeNotifications,
  subscribeService,
} from '../src/index.js'
import { bytes, tagged, useTarget } from './target.js'

const target = useTarget()
const none = { count: 0n, idsHash: emptyIdsHash() }
const serviceIdOf = (session: SmpClientSession) => session.session.service?.serviceId as Uint8Array
const hashOf = (ids: readonly Uint8Array[]) => ids.reduce(xorIdsHash, emptyIdsHash())
const serviceError = expect.objectContaining({ code: 'SERVICE' })
const prohibited = expect.objectContaining({ reply: { code: 'CMD', inner: { code: 'PROHIBITED' } } })

async function notifiers(count: number): Promise<Notifier[]> {
  const recipient = await target.open()
  const made: Notifier[] = []
  for (let i = 0; i < count; i++) made.push(await addNotifier(recipient, await target.newQueue(recipient)))
  return made
}

describe('a notifier service', () => {
  it('keeps its id, is counted the queues that it subscribes, and subscribes them all at once later', async (context) => {
    target.needs(context, 'v19', 'services')
    const service = { ...createServiceCredentials(), role: 'notifier' } as const
    const first = await target.open({ service })
    const serviceId = serviceIdOf(first)
    expect(serviceId).toHaveLength(24)
    const list = await notifiers(3)
    for (const notifier of list) expect(await subscribeNotifications(first, notifier)).toEqual(serviceId)
    const second = await target.open({ service })
    expect(serviceIdOf(second)).toEqual(serviceId)
    const idsHash = hashOf(list.map(({ notifierId }) => notifierId))
    expect(await subscribeService(second, { count: 3n, idsHash })).toMatchObject({ count: 3n, idsHash })
    expect((await target.event(first, tagged('ENDS', serviceId))).message).toMatchObject({ count: 3n })
  })

  it('gets the notifications of all its queues', async (context) => {
    target.needs(context, 'v19', 'services')
    const service = { ...createServiceCredentials(), role: 'notifier' } as const
    const recipient = await target.open()
    const queue = await target.newQueue(recipient)
    const notifier = await addNotifier(recipient, queue)
    const first = await target.open({ service })
    await subscribeNotifications(first, notifier)
    await first.close()
    await sendMessage(recipient, { ...queue, senderKey: null }, bytes('x'), { notification: true })
    const second = await target.open({ service })
    await subscribeService(second, none)
    await target.event(second, tagged('NMSG', notifier.notifierId))
  })

  it('loses a queue to an ordinary NSUB', async (context) => {
    target.needs(context, 'v19', 'services')
    const service = { ...createServiceCredentials(), role: 'notifier' } as const
    const session = await target.open({ service })
    const [notifier] = (await notifiers(1)) as [Notifier]
    await subscribeNotifications(session, notifier)
    const ordinary = await target.open()
    expect(await subscribeNotifications(ordinary, notifier)).toBeNull()
    await target.event(session, tagged('END', notifier.notifierId))
    expect((await subscribeService(await target.open({ service }), none)).count).toBe(0n)
  })

  it('may do only what belongs to its role', async (context) => {
    target.needs(context, 'v16', 'services')
    const session = await target.open({ service: 'notifier' })
    await expect(target.newQueue(session)).rejects.toEqual(prohibited)
    await session.request({ command: { tag: 'PING' } })
    const command = { tag: 'SUBS', ...(has(session.session.version, 'idsHash') && none) } as const
    const request = { command, entityId: serviceIdOf(session) } as const
    await expect(session.request(request)).rejects.toEqual(prohibited)
  })

  it('is given up by a session without certificate: NSUBS is refused', async (context) => {
    target.needs(context, 'v16')
    const session = await target.open()
    const [notifier] = (await notifiers(1)) as [Notifier]
    const { notifierId, notifierKey } = notifier
    const command = { tag: 'NSUBS', ...(has(session.session.version, 'idsHash') && none) } as const
    const request = session.request({ command, entityId: notifierId, key: notifierKey })
    await expect(request).rejects.toEqual(serviceError)
  })

  it('works at version 16 without counts and hashes', async (context) => {
    target.needs(context, 'v16', 'services')
    const service = { ...createServiceCredentials(), role: 'notifier' } as const
    const first = await target.open({ service, version: 16 })
    const [notifier] = (await notifiers(1)) as [Notifier]
    expect(await subscribeNotifications(first, notifier)).toEqual(serviceIdOf(first))
    const answer = await subscribeService(await target.open({ service, version: 16 }), none)
    expect(answer.count).toBe(1n)
    expect(answer.idsHash).toBeUndefined()
  })
})

describe('a messaging service', () => {
  it('gets the waiting messages of all its queues after SUBS, and then ALLS', async (context) => {
    target.needs(context, 'v19', 'services')
    const service = { ...createServiceCredentials(), role: 'messaging' } as const
    const first = await target.open({ service })
    const serviceId = serviceIdOf(first)
    const queues = [await target.newQueue(first), await target.newQueue(first), await target.newQueue(first)]
    expect(queues.map((queue) => queue.serviceId)).toEqual([serviceId, serviceId, serviceId])
    await first.close()
    const sender = await target.open()
    for (const queue of queues.slice(0, 2)) await sendMessage(sender, { ...queue, senderKey: null }, bytes('waiting'))
    const second = await target.open({ service })
    const idsHash = hashOf(queues.map(({ recipientId }) => recipientId))
    expect(await subscribeService(second, { count: 3n, idsHash })).toMatchObject({ count: 3n, idsHash })
    const messages: string[] = []
    await target.event(second, ({ entityId, message }) => {
      if (message.tag === 'MSG') messages.push(String(entityId))
      return message.tag === 'ALLS'
    })
    const waiting = queues.slice(0, 2).map(({ recipientId }) => String(recipientId))
    expect(messages.sort()).toEqual(waiting.sort())
    expect(await subscribeService(second, none)).toMatchObject({ count: 3n })
    await sendMessage(sender, { ...(queues[2] as (typeof queues)[0]), senderKey: null }, bytes('new'))
    await target.event(second, tagged('MSG', (queues[2] as (typeof queues)[0]).recipientId))
  })

  it('takes queues over with SUB, and may not create them without subscribing', async (context) => {
    target.needs(context, 'v19', 'services')
    const service = { ...createServiceCredentials(), role: 'messaging' } as const
    const ordinary = await target.open()
    const queue = await target.newQueue(ordinary)
    const session = await target.open({ service })
    expect(await subscribe(session, queue)).toEqual(serviceIdOf(session))
    await target.event(ordinary, tagged('END', queue.recipientId))
    await expect(target.newQueue(session, { subMode: 'create' })).rejects.toEqual(prohibited)
  })
})
