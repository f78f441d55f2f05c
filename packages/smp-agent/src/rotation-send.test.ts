import { insert } from '@smpkit/agent-store'
import { PrivateKey } from '@smpkit/crypto'
import { parseServerAddress, type QueueUri } from '@smpkit/smp-commands/address'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { InnerMessage } from './agent-message.js'
import { idFromText } from './connection-id.js'
import { queueUriOf } from './queues.js'
import { useForgers } from './testing/forger.js'
import { isPhase, messagesOf, phasesOf, problemsOf, rowsOf, sendPhases, until } from './testing/switching.js'
import { bytes, connectByInvitation, type Ends, type User, useUsers } from './testing/users.js'

const servers: SmpServer[] = []
beforeAll(async () => {
  servers.push(await startSmpServer(), await startSmpServer())
})
afterAll(async () => {
  for (const server of servers) await server.stop()
})

const serverNo = (no: number) => servers[no]?.addressText ?? ''
const quick = { fast: { first: 50, growAfter: 1000, max: 200 } }
const users = useUsers(() => ({
  servers: [serverNo(0)],
  retry: quick,
  pool: { reconnect: { firstDelay: 20, maxDelay: 100 } },
}))
const forgerOf = useForgers()

async function pair(): Promise<{ alice: User; bob: User; ends: Ends }> {
  const [alice, bob] = [await users.create(), await users.create()]
  return { alice, bob, ends: await connectByInvitation(alice, bob) }
}

describe("the peer's switch of its queue", () => {
  it.each(sendPhases)('is followed when our agent was closed after "%s"', async (phase) => {
    const { alice, bob, ends } = await pair()
    await alice.agent.switchQueue(ends[0], { server: serverNo(1) })
    const others = until(alice, isPhase('receive completed'))
    const first = await until(bob, isPhase(phase))
    await bob.restart()
    const rest = phase === 'send completed' ? [] : await until(bob, isPhase('send completed'))
    const theirs = await others
    expect(phasesOf([...first, ...rest])).toEqual(sendPhases)
    await bob.agent.send(ends[1], bytes('after'))
    const last = await until(alice, (event) => event.type === 'message')
    expect(messagesOf(last)).toEqual([['after', 'OK']])
    expect(problemsOf([...first, ...rest, ...theirs, ...last])).toEqual([])
    const status = { queueNo: 2, status: 'active', replaces: null, switchStatus: 'none' }
    expect(await rowsOf(bob, 'sendQueues')).toMatchObject([status])
  })

  it('takes along what could not be delivered to the old queue, in order', async () => {
    const dying = await startSmpServer()
    const [alice, bob] = [await users.create({ servers: [dying.addressText] }), await users.create()]
    const ends = await connectByInvitation(alice, bob)
    await alice.agent.switchQueue(ends[0], { server: serverNo(1) })
    await until(bob, isPhase('send confirmed'))
    await bob.stop()
    await until(alice, isPhase('receive secured'))
    await dying.stop()
    await bob.start()
    for (let i = 0; i < 5; i++) await bob.agent.send(ends[1], bytes(`message ${i}`))
    const [a, b] = await Promise.all([
      until(alice, (event) => messagesOf([event])[0]?.[0] === 'message 4'),
      until(bob, isPhase('send completed')),
    ])
    expect(messagesOf(a)).toEqual([0, 1, 2, 3, 4].map((i) => [`message ${i}`, 'OK']))
    expect(problemsOf([...a, ...b])).toEqual([])
    await expect.poll(() => rowsOf(bob, 'deliveries'), { timeout: 10_000 }).toEqual([])
    // All were sent once more through the new queue, and the bodies are gone.
    expect((await rowsOf(bob, 'messages')).filter(({ body }) => body.length > 0)).toEqual([])
  })

  it('that was given up is followed anew: only the last new queue is kept', async () => {
    const { alice, bob, ends } = await pair()
    await bob.stop()
    await alice.agent.switchQueue(ends[0], { server: serverNo(1) })
    await until(alice, isPhase('receive started'))
    await alice.agent.abortSwitch(ends[0])
    await until(alice, isPhase('receive stopped'))
    await bob.start()
    await until(bob, isPhase('send confirmed'))
    expect(await rowsOf(bob, 'sendQueues')).toMatchObject([{ switchStatus: 'sendingQkey' }, { replaces: 1 }])
    await alice.agent.switchQueue(ends[0], { server: serverNo(1) })
    await Promise.all([until(alice, isPhase('receive completed')), until(bob, isPhase('send completed'))])
    expect((await rowsOf(bob, 'sendQueues')).length).toBe(1)
    await bob.agent.send(ends[1], bytes('here?'))
    expect(await alice.messages(1)).toEqual(['here?'])
  })
})

describe('what a peer says of queues', () => {
  const dhKey = PrivateKey.generate('x25519').publicKey
  const someQueue = (senderId = new Uint8Array(24), versions = { min: 4, max: 4 }): QueueUri => {
    const { hosts, port, keyHash } = parseServerAddress(serverNo(1), 'smp')
    return { versionRange: versions, server: { hosts, port, keyHash }, senderId, dhKey, queueMode: 'messaging' }
  }
  type Case = [name: string, code: string, make: (present: QueueUri) => InnerMessage]
  const cases: Case[] = [
    [
      'a new queue in the place of none',
      'A_QUEUE',
      () => ({ type: 'queueAdd', queues: [{ queue: someQueue(), replaced: null }] }),
    ],
    [
      'a new queue in the place of an unknown one',
      'A_QUEUE',
      () => ({ type: 'queueAdd', queues: [{ queue: someQueue(), replaced: someQueue(new Uint8Array(24).fill(1)) }] }),
    ],
    [
      'a new queue that is the present one',
      'A_QUEUE',
      (present) => ({ type: 'queueAdd', queues: [{ queue: present, replaced: present }] }),
    ],
    [
      'a new queue of a version from the future',
      'A_VERSION',
      (present) => ({
        type: 'queueAdd',
        queues: [{ queue: someQueue(undefined, { min: 5, max: 6 }), replaced: present }],
      }),
    ],
    [
      'to use a queue that it has not added',
      'A_QUEUE',
      () => ({ type: 'queueUse', queues: [{ address: someQueue(), primary: true }] }),
    ],
    [
      'to use the present queue',
      'A_QUEUE',
      (present) => ({ type: 'queueUse', queues: [{ address: present, primary: true }] }),
    ],
  ]
  let shared: Awaited<ReturnType<typeof pair>>
  beforeAll(async () => {
    shared = await pair()
  })

  it.each(cases)('%s: told as %s, and nothing changes', async (_, code, make) => {
    const { alice, bob, ends } = shared
    const [queue] = await rowsOf(alice, 'receiveQueues')
    if (!queue) throw new Error('expected a queue')
    const before = await rowsOf(bob, 'sendQueues')
    const message = make(queueUriOf(queue))
    const prevMsgHash = new Uint8Array(32)
    await forgerOf(alice, ends[0]).sendMessage({ type: 'message', sndMsgId: 2n, prevMsgHash, message })
    expect(await bob.found('error', 'sent')).toMatchObject({ code })
    expect(await rowsOf(bob, 'sendQueues')).toEqual(before)
    expect(await rowsOf(bob, 'commands')).toEqual([])
    await bob.agent.send(ends[1], bytes('good'))
    expect(await alice.messages(1)).toEqual(['good'])
  })

  it('a new queue while a thousand messages wait for it to fetch them: nothing is added', async () => {
    const { alice, bob, ends } = await pair()
    const [queue] = await rowsOf(alice, 'receiveQueues')
    if (!queue) throw new Error('expected a queue')
    const connId = idFromText(ends[1])
    const waiting = Array.from({ length: 1000 }, (_, i) =>
      insert('deliveries', { connId, queueNo: 9, messageId: 1000 + i, fastDelay: 0, slowDelay: 0 }),
    )
    await bob.store.atomic({}, () => ({ writes: waiting, result: undefined }))
    const message: InnerMessage = {
      type: 'queueAdd',
      queues: [{ queue: someQueue(), replaced: queueUriOf(queue) }],
    }
    const prevMsgHash = new Uint8Array(32)
    await forgerOf(alice, ends[0]).sendMessage({ type: 'message', sndMsgId: 2n, prevMsgHash, message })
    expect(await bob.taken('error')).toMatchObject({ code: 'A_PROHIBITED' })
    expect(await rowsOf(bob, 'sendQueues')).toHaveLength(1)
  })

  it('a new queue twice: the second time it is told, and the first one stays', async () => {
    const { alice, bob, ends } = await pair()
    const [queue] = await rowsOf(alice, 'receiveQueues')
    if (!queue) throw new Error('expected a queue')
    const added = { queue: someQueue(), replaced: queueUriOf(queue) }
    const prevMsgHash = new Uint8Array(32)
    const message: InnerMessage = { type: 'queueAdd', queues: [added] }
    const forger = forgerOf(alice, ends[0])
    await forger.sendMessage({ type: 'message', sndMsgId: 2n, prevMsgHash, message })
    await until(bob, isPhase('send confirmed'))
    await forger.sendMessage({ type: 'message', sndMsgId: 3n, prevMsgHash, message })
    expect(await bob.taken('error')).toMatchObject({ code: 'A_QUEUE' })
    expect(await rowsOf(bob, 'sendQueues')).toMatchObject([
      { queueNo: 1, switchStatus: 'sendingQkey' },
      { queueNo: 2, status: 'new', replaces: 1 },
    ])
  })
})
