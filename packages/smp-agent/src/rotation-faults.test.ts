// Rotation while servers go away, or while what was given up is still under way.
import { decode } from '@smpkit/encoding'
import { type Connect, SmpClientError, systemClock } from '@smpkit/smp-client'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { connectSmp } from '@smpkit/smp-transport'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { agentMessage } from './agent-message.js'
import type { AgentOptions } from './index.js'
import { Lossy } from './testing/lossy.js'
import { isPhase, messagesOf, phasesOf, problemsOf, rowsOf, until } from './testing/switching.js'
import { bytes, connectByInvitation, text, useUsers } from './testing/users.js'

const servers: SmpServer[] = []
beforeAll(async () => {
  servers.push(await startSmpServer(), await startSmpServer())
})
afterAll(async () => {
  for (const server of servers) await server.stop()
})

const serverNo = (no: number) => servers[no]?.addressText ?? ''
const users = useUsers(() => ({
  servers: [serverNo(0)],
  retry: { fast: { first: 50, growAfter: 1000, max: 200 } },
  pool: { reconnect: { firstDelay: 10, maxDelay: 20 } },
}))
const poll = <T>(read: () => T) => expect.poll(read, { timeout: 10_000 })

/** Resolves when it is opened. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}

describe('a switch that was given up', () => {
  it('while the new queue was being made ends with that queue deleted', async () => {
    const { opened, open } = gate()
    const reached = gate()
    const connect: Connect = async (server, options) => {
      if (server.port !== String(servers[1]?.port)) return connectSmp(server, options)
      reached.open()
      await opened
      return connectSmp(server, options)
    }
    const [alice, bob] = [await users.create({ connect }), await users.create()]
    const ends = await connectByInvitation(alice, bob)
    await alice.agent.switchQueue(ends[0], { server: serverNo(1) })
    await reached.opened
    await alice.agent.abortSwitch(ends[0])
    open()
    await poll(() => rowsOf(alice, 'commands')).toEqual([])
    expect(await rowsOf(alice, 'receiveQueues')).toMatchObject([{ queueNo: 1, switchStatus: 'none' }])
    expect(servers[1]?.statistics().queues).toBe(0)
    await bob.agent.send(ends[1], bytes('here?'))
    expect(phasesOf([await alice.taken('switch')])).toEqual(['receive stopped'])
    expect(await alice.messages(1)).toEqual(['here?'])
  })

  it('does not mind the answer to it', async () => {
    const dying = await startSmpServer()
    const [alice, bob] = [await users.create(), await users.create()]
    const ends = await connectByInvitation(alice, bob)
    await bob.stop()
    await alice.agent.switchQueue(ends[0], { server: dying.addressText })
    await until(alice, isPhase('receive started'))
    await dying.stop()
    await alice.agent.abortSwitch(ends[0])
    await poll(() => rowsOf(alice, 'receiveQueues')).toMatchObject([{}, { deleted: true, deleteErrors: 1 }])
    await bob.start()
    await until(bob, isPhase('send confirmed'))
    await bob.agent.send(ends[1], bytes('after the answer'))
    const events = await until(alice, ({ type }) => type === 'message')
    expect(phasesOf(events)).toEqual(['receive stopped'])
    expect(problemsOf(events)).toEqual([])
    expect(messagesOf(events)).toEqual([['after the answer', 'OK']])
  })
})

describe('the old queue', () => {
  it('is read until it is empty, when its server comes back after the switch and after a restart', async () => {
    const dying = await startSmpServer()
    const [alice, bob] = [await users.create({ servers: [dying.addressText] }), await users.create()]
    const ends = await connectByInvitation(alice, bob)
    await alice.agent.switchQueue(ends[0], { server: serverNo(1) })
    await until(alice, isPhase('receive started'))
    await alice.stop()
    await until(bob, isPhase('send confirmed'))
    for (let i = 0; i < 3; i++) await bob.agent.send(ends[1], bytes(`old ${i}`))
    for (let i = 0; i < 3; i++) await bob.taken('sent')
    await bob.stop()
    await alice.start()
    expect(text((await alice.find('message', 'switch')).body)).toBe('old 0')
    const { port } = dying
    const state = await dying.stop()
    await bob.start()
    await until(alice, isPhase('receive completed'))
    await bob.agent.send(ends[1], bytes('new'))
    expect(await alice.messages(1)).toEqual(['new'])
    await poll(() => rowsOf(alice, 'receiveQueues')).toMatchObject([{ deleted: true, deleteErrors: 1 }, {}])
    await alice.stop()
    const back = await startSmpServer({ state, port })
    const schedule: typeof systemClock.schedule = (callback, delay) =>
      systemClock.schedule(callback, delay === 30_000 || delay === 300_000 ? 20 : delay)
    await alice.start({ clock: { now: systemClock.now, schedule } })
    const first = await alice.take('message')
    expect(first.redelivered).toBe(true)
    // Many rounds of clean-up, none of which may delete the queue.
    await new Promise<void>((resolve) => systemClock.schedule(resolve, 300))
    await first.ack()
    expect([text(first.body), ...(await alice.messages(2))]).toEqual(['old 0', 'old 1', 'old 2'])
    await poll(() => rowsOf(alice, 'receiveQueues')).toMatchObject([{ queueNo: 2 }])
    expect(back.statistics().queues).toBe(0)
    await alice.stop()
    await back.stop()
  })

  it('may be replaced while something is being sent to it', async () => {
    const [alice, bob] = [await users.create(), await users.create({ servers: [serverNo(1)] })]
    const ends = await connectByInvitation(alice, bob)
    await alice.agent.switchQueue(ends[0], { server: serverNo(1) })
    await until(bob, isPhase('send confirmed'))
    await bob.stop()
    await until(alice, isPhase('receive secured'))
    const { opened, open } = gate()
    const route: AgentOptions['route'] = (pool) => (server, userId) => {
      if (server.port !== String(servers[0]?.port)) return pool.server(server, userId)
      return {
        request: async () => {
          await opened
          throw new SmpClientError('TIMEOUT', 'expected an answer, it was lost')
        },
      }
    }
    await bob.start({ route })
    await bob.agent.send(ends[1], bytes('one'))
    await until(bob, isPhase('send completed'))
    open()
    await poll(() => rowsOf(bob, 'deliveries')).toEqual([])
    await bob.agent.send(ends[1], bytes('two'))
    const events = await until(alice, (event) => messagesOf([event])[0]?.[0] === 'two')
    expect(messagesOf(events)).toEqual(['one', 'two'].map((body) => [body, 'OK']))
  })
})

it('offers the new queue to peers of every version, also to one of which we have joined an old link', async () => {
  const lossy = new Lossy()
  const [alice, bob] = [await users.create({ route: lossy.route }), await users.create()]
  const ends = await connectByInvitation(alice, bob)
  lossy.losing = true
  await alice.agent.switchQueue(ends[0], { server: serverNo(1) })
  await until(alice, isPhase('receive started'))
  const { body } = (await rowsOf(alice, 'messages')).find(({ type }) => type === 'queueAdd') ?? {}
  const versionRange = { min: 1, max: 4 }
  const queues = [{ queue: { versionRange, queueMode: 'messaging' } }]
  expect(decode(agentMessage, body ?? bytes(''))).toMatchObject({ message: { type: 'queueAdd', queues } })
})
