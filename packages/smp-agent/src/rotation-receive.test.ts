import type { Row } from '@smpkit/agent-store'
import { PrivateKey } from '@smpkit/crypto'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noneWaiting } from './event-bounds.js'
import type { AgentEvent } from './index.js'
import { queueInfoOf } from './queues.js'
import { completeSwitch } from './rotation-receive.js'
import { Step } from './step.js'
import type { ReceiveQueue } from './step-rows.js'
import { useForgers } from './testing/forger.js'
import {
  isPhase,
  messagesOf,
  phasesOf,
  problemsOf,
  receivePhases,
  rowsOf,
  sendPhases,
  until,
} from './testing/switching.js'
import { bytes, connectByInvitation, type Ends, text, type User, useUsers } from './testing/users.js'

const servers: SmpServer[] = []
beforeAll(async () => {
  servers.push(await startSmpServer(), await startSmpServer({ host: '127.0.0.2' }))
  servers.push(await startSmpServer({ password: 'secret' }))
})
afterAll(async () => {
  for (const server of servers) await server.stop()
})

const serverNo = (no: number) => servers[no]?.addressText ?? ''
const queuesOn = (no: number) => servers[no]?.statistics().queues
const poll = <T>(read: () => T) => expect.poll(read, { timeout: 10_000 })
const code = (code: string) => expect.objectContaining({ code })
const quick = { fast: { first: 50, growAfter: 1000, max: 200 } }
const users = useUsers(() => ({ servers: [serverNo(0)], retry: quick }))
const forgerOf = useForgers()

async function pair(): Promise<{ alice: User; bob: User; ends: Ends }> {
  const [alice, bob] = [await users.create(), await users.create()]
  return { alice, bob, ends: await connectByInvitation(alice, bob) }
}

const bothCompleted = (alice: User, bob: User): Promise<[AgentEvent[], AgentEvent[]]> =>
  Promise.all([until(alice, isPhase('receive completed')), until(bob, isPhase('send completed'))])

/** The new queue is the only one left, on both sides. */
async function expectOnlyNew(alice: User, bob: User): Promise<void> {
  const status = { status: 'active', replaces: null, switchStatus: 'none', isPrimary: true }
  await poll(() => rowsOf(alice, 'receiveQueues')).toMatchObject([{ ...status, queueNo: 2, deleted: false }])
  expect(await rowsOf(bob, 'sendQueues')).toMatchObject([{ ...status, queueNo: 2 }])
}

describe('a switch of the queue', () => {
  it('moves it to the server that is named; both sides are told of each phase', async () => {
    const { alice, bob, ends } = await pair()
    const before = queuesOn(0) ?? 0
    await alice.agent.switchQueue(ends[0], { server: serverNo(1) })
    const [a, b] = await bothCompleted(alice, bob)
    expect(phasesOf(a)).toEqual(receivePhases)
    expect(phasesOf(b)).toEqual(sendPhases)
    await expectOnlyNew(alice, bob)
    expect(queuesOn(0)).toBe(before - 1)
    expect(queuesOn(1)).toBe(1)
    await bob.agent.send(ends[1], bytes('here?'))
    expect(await alice.messages(1)).toEqual(['here?'])
  })

  it('goes to another one of our servers, and may be done again', async () => {
    const servers = [serverNo(0), serverNo(1)]
    const [alice, bob] = [await users.create({ servers }), await users.create()]
    const ends = await connectByInvitation(alice, bob)
    const seen = [(await rowsOf(alice, 'receiveQueues'))[0]?.server]
    for (let i = 0; i < 2; i++) {
      await alice.agent.switchQueue(ends[0])
      await bothCompleted(alice, bob)
      await poll(async () => (await rowsOf(alice, 'receiveQueues')).length).toBe(1)
      seen.push((await rowsOf(alice, 'receiveQueues'))[0]?.server)
    }
    expect(seen[1]).not.toBe(seen[0])
    expect(seen[2]).toBe(seen[0])
    await bob.agent.send(ends[1], bytes('here?'))
    expect(await alice.messages(1)).toEqual(['here?'])
  })

  it('loses, repeats and disorders nothing of what both send meanwhile', async () => {
    const { alice, bob, ends } = await pair()
    const sending = (async () => {
      for (let i = 0; i < 40; i++) {
        await alice.agent.send(ends[0], bytes(`a${i}`))
        await bob.agent.send(ends[1], bytes(`b${i}`))
        if (i === 10) await alice.agent.switchQueue(ends[0], { server: serverNo(1) })
        if (i === 12) await bob.agent.switchQueue(ends[1], { server: serverNo(1) })
      }
    })()
    const isDone = (last: string) => {
      const open = new Set([last, 'receive completed', 'send completed'])
      return (event: AgentEvent) => {
        for (const one of [...messagesOf([event]).map(([body]) => body), ...phasesOf([event])]) open.delete(one)
        return open.size === 0
      }
    }
    const [a, b] = await Promise.all([until(alice, isDone('b39')), until(bob, isDone('a39')), sending])
    expect(messagesOf(a)).toEqual(Array.from({ length: 40 }, (_, i) => [`b${i}`, 'OK']))
    expect(messagesOf(b)).toEqual(Array.from({ length: 40 }, (_, i) => [`a${i}`, 'OK']))
    expect(problemsOf([...a, ...b])).toEqual([])
  })

  it('waits with the new queue until the application has taken what is in the old one', async () => {
    const { alice, bob, ends } = await pair()
    await alice.agent.switchQueue(ends[0], { server: serverNo(1) })
    await until(alice, isPhase('receive started'))
    await alice.stop()
    await until(bob, isPhase('send confirmed'))
    for (let i = 0; i < 3; i++) await bob.agent.send(ends[1], bytes(`old ${i}`))
    for (let i = 0; i < 3; i++) await bob.taken('sent')
    await alice.start()
    const events: AgentEvent[] = []
    const first = await alice.find('message', 'switch')
    await bob.agent.send(ends[1], bytes('new'))
    await until(bob, isPhase('send completed'))
    expect(await rowsOf(alice, 'receiveQueues')).toMatchObject([
      { switchStatus: 'sendingQuse', deleted: false },
      { replaces: 1, status: 'secured' },
    ])
    await first.ack()
    events.push(first, ...(await until(alice, (event) => messagesOf([event])[0]?.[0] === 'new')))
    if (!phasesOf(events).includes('receive completed')) await until(alice, isPhase('receive completed'))
    expect(messagesOf(events)).toEqual(['old 0', 'old 1', 'old 2', 'new'].map((body) => [body, 'OK']))
    await expectOnlyNew(alice, bob)
  })

  it.each(receivePhases)('goes on when our agent was closed after "%s"', async (phase) => {
    const { alice, bob, ends } = await pair()
    await bob.agent.send(ends[1], bytes('before'))
    await alice.agent.switchQueue(ends[0], { server: serverNo(1) })
    const others = until(bob, isPhase('send completed'))
    const first = await until(alice, isPhase(phase))
    await alice.restart()
    const rest = phase === 'receive completed' ? [] : await until(alice, isPhase('receive completed'))
    const theirs = await others
    await bob.agent.send(ends[1], bytes('after'))
    const last = await until(alice, (event) => messagesOf([event])[0]?.[0] === 'after')
    const ours = [...first, ...rest, ...last]
    expect(phasesOf(ours)).toEqual(receivePhases)
    expect(messagesOf(ours)).toEqual(['before', 'after'].map((body) => [body, 'OK']))
    expect(problemsOf([...ours, ...theirs])).toEqual([])
    await expectOnlyNew(alice, bob)
  })

  it('is refused where the connection is not made, and while there is another one', async () => {
    const { alice, bob, ends } = await pair()
    const { connection: address } = await alice.agent.createAddress()
    const { connection: invitation } = await alice.agent.createInvitation()
    await expect(alice.agent.switchQueue(address)).rejects.toEqual(code('PROHIBITED'))
    await expect(alice.agent.switchQueue(invitation)).rejects.toEqual(code('PROHIBITED'))
    await expect(alice.agent.switchQueue('x'.repeat(16))).rejects.toEqual(code('NOT_FOUND'))
    await expect(alice.agent.switchQueue(ends[0], { server: 'elsewhere' })).rejects.toThrow('keyHash')
    await bob.stop()
    await alice.agent.switchQueue(ends[0])
    await expect(alice.agent.switchQueue(ends[0])).rejects.toEqual(code('PROHIBITED'))
    await until(alice, isPhase('receive started'))
    await expect(alice.agent.switchQueue(ends[0])).rejects.toEqual(code('PROHIBITED'))
  })

  it('ends where the new server makes no queue for us, and the old queue stays', async () => {
    const { alice, bob, ends } = await pair()
    await alice.agent.switchQueue(ends[0], { server: serverNo(2) })
    const events = await until(alice, isPhase('receive stopped'))
    expect(problemsOf(events)).toEqual(['error AUTH'])
    await bob.agent.send(ends[1], bytes('still here?'))
    expect(await alice.messages(1)).toEqual(['still here?'])
    expect(await rowsOf(alice, 'receiveQueues')).toMatchObject([{ queueNo: 1, switchStatus: 'none' }])
  })
})

describe('a switch that is given up', () => {
  it('while the new server cannot be reached leaves no trace', async () => {
    const { alice, bob, ends } = await pair()
    await alice.agent.switchQueue(ends[0], { server: serverNo(0).replace(/:\d+$/, ':1') })
    await alice.agent.abortSwitch(ends[0])
    expect(phasesOf([await alice.taken('switch')])).toEqual(['receive stopped'])
    await poll(() => rowsOf(alice, 'commands')).toEqual([])
    expect(await rowsOf(alice, 'receiveQueues')).toMatchObject([{ queueNo: 1, switchStatus: 'none' }])
    await bob.agent.send(ends[1], bytes('here?'))
    expect(await alice.messages(1)).toEqual(['here?'])
  })

  it('before the peer has answered is deleted on its server, the answer is ignored, and the next one succeeds', async () => {
    const { alice, bob, ends } = await pair()
    await bob.stop()
    const before = queuesOn(1) ?? 0
    await alice.agent.switchQueue(ends[0], { server: serverNo(1) })
    await until(alice, isPhase('receive started'))
    expect(queuesOn(1)).toBe(before + 1)
    await alice.stop()
    await bob.start()
    await until(bob, isPhase('send confirmed'))
    await servers[0]?.dropConnections()
    await alice.start({ subscribe: false })
    await alice.agent.abortSwitch(ends[0])
    expect(phasesOf([await alice.taken('switch')])).toEqual(['receive stopped'])
    await poll(() => queuesOn(1)).toBe(before)
    await poll(async () => (await rowsOf(alice, 'receiveQueues')).length).toBe(1)
    await alice.restart({ subscribe: true })
    expect(await alice.taken('error')).toMatchObject({ code: 'A_QUEUE' })
    await alice.agent.switchQueue(ends[0], { server: serverNo(1) })
    const [a, b] = await bothCompleted(alice, bob)
    expect(phasesOf(a)).toEqual(receivePhases)
    expect(phasesOf(b)).toEqual(sendPhases)
    await bob.agent.send(ends[1], bytes('here?'))
    expect(await alice.messages(1)).toEqual(['here?'])
  })

  it('is too late once the peer may use the new queue, and there must be one', async () => {
    const { alice, bob, ends } = await pair()
    await expect(alice.agent.abortSwitch(ends[0])).rejects.toEqual(code('PROHIBITED'))
    await alice.agent.switchQueue(ends[0], { server: serverNo(1) })
    await until(bob, isPhase('send confirmed'))
    await bob.stop()
    await until(alice, isPhase('receive secured'))
    await expect(alice.agent.abortSwitch(ends[0])).rejects.toEqual(code('PROHIBITED'))
    await bob.start()
    await bothCompleted(alice, bob)
    await expect(alice.agent.abortSwitch(ends[0])).rejects.toEqual(code('PROHIBITED'))
  })
})

describe('what a peer says of queues that are none', () => {
  let shared: Awaited<ReturnType<typeof pair>>
  beforeAll(async () => {
    shared = await pair()
  })

  it.each(['queueKey', 'queueTest'] as const)('%s is told as A_QUEUE and changes nothing', async (type) => {
    const { alice, bob, ends } = shared
    const [queue] = await rowsOf(alice, 'receiveQueues')
    if (!queue) throw new Error('expected a queue')
    const info = { ...queueInfoOf(queue, 4), ...(type === 'queueTest' ? { senderId: new Uint8Array(24) } : {}) }
    const message =
      type === 'queueKey'
        ? { type, queues: [{ queue: info, senderKey: PrivateKey.generate('ed25519').publicKey }] }
        : { type, addresses: [{ server: info.server, senderId: info.senderId }] }
    const prevMsgHash = new Uint8Array(32)
    await forgerOf(bob, ends[1]).sendMessage({ type: 'message', sndMsgId: 2n, prevMsgHash, message })
    expect(await alice.taken('error')).toMatchObject({ code: 'A_QUEUE' })
    const { senderId, e2eSecret, switchStatus } = queue
    expect(await rowsOf(alice, 'receiveQueues')).toMatchObject([{ senderId, e2eSecret, switchStatus }])
    await bob.agent.send(ends[1], bytes('good'))
    expect(text((await alice.taken('message')).body)).toBe('good')
  })
})

describe('the first message through a new queue', () => {
  let connection: Row<'connections'>
  let old: ReceiveQueue
  beforeAll(async () => {
    const { alice } = await pair()
    const [row] = await rowsOf(alice, 'connections')
    const [queue] = await rowsOf(alice, 'receiveQueues')
    if (!row || !queue) throw new Error('expected a connection')
    connection = row
    old = queue
  })

  function completed(changes: Partial<ReceiveQueue>, notifications: boolean) {
    const added = { ...old, queueNo: 2, replaces: 1 }
    const step = new Step(
      {
        connection: { ...connection, notifications },
        receiveQueues: [{ ...old, ...changes }, added],
        sendQueues: [],
        ratchet: undefined,
        waiting: noneWaiting,
      },
      { nextEventId: () => 1, nextCommandNo: () => 1, now: () => 1 },
    )
    completeSwitch(step, { received: { queue: added } } as Parameters<typeof completeSwitch>[1])
    return { step, tags: step.finish(undefined).writes.flatMap((write) => ('row' in write ? [write.row.tag] : [])) }
  }

  it('makes the notifications of the connection move, before the old queue goes', () => {
    const { tags } = completed({ switchStatus: 'sendingQuse' }, true)
    expect(tags.filter(Boolean)).toEqual(['notifications', 'deleteQueue'])
    expect(completed({ switchStatus: 'sendingQuse' }, false).tags.filter(Boolean)).toEqual(['deleteQueue'])
  })

  it('changes nothing before we have asked to use it', () => {
    const { step, tags } = completed({ switchStatus: 'sendingQadd' }, true)
    expect(tags.filter(Boolean)).toEqual([])
    expect(step.effects.events).toMatchObject([{ type: 'error' }])
    expect(step.receiveQueue(2).replaces).toBe(1)
  })
})
