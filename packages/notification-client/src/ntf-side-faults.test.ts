// Spec 23 §6, §7, §10, 24 R4–R6: whatever is lost, whoever is away or dies: a client of ntf:// comes to the same end.
import { beforeEach, describe, expect, it } from 'vitest'
import { type ClientState, memoryState, Records } from './state.js'
import { ScriptedNtf } from './testing/ntf.js'
import { isReady, NtfPhone, settled, until } from './testing/ntf-phone.js'

let ntf: ScriptedNtf
beforeEach(() => {
  ntf = new ScriptedNtf()
})

const wanted = (server: ScriptedNtf, phone: NtfPhone, subscriptions: number) => {
  expect(server.token).toMatchObject({ status: 'ACTIVE', minutes: 20, device: phone.device })
  expect(server.subscriptions.size).toBe(subscriptions)
}

/** Takes so many writes, the last of them without telling: as a process that is killed sees it. */
function dying(state: ClientState, writes: number) {
  let died = () => {}
  const dead = new Promise<void>((resolve) => {
    died = resolve
  })
  let left = writes
  const limited = async (write: () => Promise<void>) => {
    if (left > 0) await write()
    if (--left > 0) return
    died()
    await new Promise(() => {})
  }
  const put: ClientState['put'] = (key, value) => limited(() => state.put(key, value))
  return { dead, state: { ...state, put, remove: (key: string) => limited(() => state.remove(key)) } }
}

/** How often `run` has to be killed at a later write until it gets to its end. */
async function killedAtEachWrite(
  state: ClientState,
  run: (state: ClientState) => Promise<unknown>,
  after: () => Promise<void>,
): Promise<number> {
  for (let writes = 1; ; writes++) {
    const { dead, state: mortal } = dying(state, writes)
    if (await Promise.race([dead.then(() => false), run(mortal).then(() => true)])) return writes
    await after()
  }
}

describe('a client that is killed at any write goes on', () => {
  it('while it registers and subscribes', async () => {
    const phone = new NtfPhone({ connections: 3 })
    const kills = await killedAtEachWrite(
      phone.state,
      async (state) => until(await phone.open(ntf, { state }), isReady(3)),
      async () => {
        const client = await phone.open(ntf)
        await until(client, isReady(3))
        wanted(ntf, phone, 3)
        await client.unregister()
        expect(ntf.tokens.size).toBe(0)
      },
    )
    expect(kills).toBeGreaterThan(8)
  })

  it('while it moves to another server, and the former one forgets it', async () => {
    const phone = new NtfPhone({ connections: 3 })
    let [here, there] = [ntf, new ScriptedNtf()]
    await phone.ready(here).then((client) => client.close())
    const kills = await killedAtEachWrite(
      phone.state,
      async (state) => until(await phone.open(there, { state }), isReady(3)),
      async () => {
        const client = await phone.open(there)
        await until(client, isReady(3))
        await settled(() => here.tokens.size === 0)
        wanted(there, phone, 3)
        await settled(async () => (await new Records(phone.state).deletions.all()).size === 0)
        await client.close()
        ;[here, there] = [there, here]
      },
    )
    expect(kills).toBeGreaterThan(15)
  })

  it('while its mode changes, with the notifiers that it had', async () => {
    const phone = new NtfPhone({ connections: 3 })
    await phone.ready(ntf).then((client) => client.close())
    const kills = await killedAtEachWrite(
      phone.state,
      async (state) => until(await phone.open(ntf, { state, mode: 'periodic' }), isReady(0)),
      async () => {
        const client = await phone.open(ntf, { mode: 'instant' })
        await until(client, isReady(3))
        wanted(ntf, phone, 3)
        await client.close()
      },
    )
    expect(kills).toBeGreaterThan(6)
  })
})

describe('an answer that is lost', () => {
  it.each(['before', 'after'] as const)(
    '%s the server got the command, whichever it is, is asked for again',
    async (when) => {
      for (let nth = 1, isDone = false; !isDone; nth++) {
        const server = new ScriptedNtf()
        const phone = new NtfPhone({ connections: 3 })
        let asked = 0
        server.script = () => (++asked === nth ? when : undefined)
        const client = await phone.open(server)
        await phone.skipUntil(() => isReady(3)(client.status))
        wanted(server, phone, 3)
        phone.deliver(server, client, 'cd'.repeat(32))
        phone.device = 'cd'.repeat(32)
        await client.setDevice({ provider: 'apns_test', token: phone.device })
        await phone.skipUntil(() => server.token.status === 'ACTIVE' && server.token.device === phone.device)
        await phone.skipUntil(() => isReady(3)(client.status))
        wanted(server, phone, 3)
        isDone = asked < nth
        server.script = () => undefined
        await client.unregister()
        expect(server.tokens.size).toBe(0)
      }
    },
  )
})

describe('a server that is away', () => {
  it('is tried after 5 seconds to 15 minutes, and never at once', async () => {
    ntf.isAway = true
    const phone = new NtfPhone()
    const client = await phone.open(ntf)
    const waits: number[] = []
    for (let i = 0; i < 12; i++) {
      await settled(() => phone.clock.delays.some((delay) => delay < 2 ** 30))
      waits.push(Math.min(...phone.clock.delays))
      phone.clock.skip()
      await settled(() => phone.clock.delays.length < 2)
    }
    expect(waits.slice(0, 3)).toEqual([3750, 7500, 15_000])
    expect(waits.at(-1)).toBe(675_000)
    expect(client.status.problem).toMatchObject({ code: 'NETWORK', temporary: true })
    ntf.isAway = false
    await phone.skipUntil(() => isReady(1)(client.status))
  })

  it('A9, A10: is not left for another one, and its token is verified when it is back', async () => {
    const phone = new NtfPhone({ connections: 2 })
    const client = await phone.open(ntf)
    await until(client, isReady(2))
    ntf.goAway()
    phone.connect('third')
    await until(client, ({ problem }) => problem?.code === 'NETWORK')
    await client.close()
    expect(ntf.tokens.size).toBe(1)
    ntf.isAway = false
    await phone.skipUntil(() => true)
    await until(await phone.open(ntf), isReady(3))
    expect(ntf.asked.filter((tag) => tag === 'TNEW')).toHaveLength(1)
  })

  it('whose key is another one is a problem of the address', async () => {
    const phone = new NtfPhone()
    const connect = async () => {
      throw Object.assign(new Error('another fingerprint'), { temporary: false })
    }
    const client = await phone.open(ntf, { ntf: { connect } })
    const { problem } = await until(client, (status) => status.problem !== null)
    expect(problem).toMatchObject({ code: 'ADDRESS', temporary: false })
  })

  it('can be closed while it is asked', async () => {
    const phone = new NtfPhone()
    const client = await phone.open(ntf, { ntf: { connect: (_, { signal }) => never(signal) } })
    await settled(async () => (await new Records(phone.state).ntf.get()) !== undefined)
    await client.close()
    expect(client.status.phase).toBe('off')
  })
})

const never = (signal: AbortSignal | undefined) =>
  new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))

describe('another server', () => {
  it('A24, D13: gets a new registration and new notifiers, and the former one is told when it can be reached (R6)', async () => {
    const phone = new NtfPhone({ connections: 2 })
    const other = new ScriptedNtf()
    const client = await phone.ready(ntf)
    await client.close()
    ntf.goAway()
    const queues = [...ntf.subscriptions.values()].map(({ queue }) => queue)
    const moved = await phone.ready(other)
    wanted(other, phone, 2)
    for (const { queue } of other.subscriptions.values()) expect(queues).not.toContain(queue)
    expect(ntf.tokens.size).toBe(1)
    await moved.close()
    // Another process, whose server is the new one.
    const again = await phone.open(other)
    ntf.isAway = false
    await phone.skipUntil(() => ntf.tokens.size === 0)
    await settled(async () => (await new Records(phone.state).deletions.all()).size === 0)
    expect(again.status.phase).toBe('ready')
    wanted(other, phone, 2)
  })

  it('has the same address in another spelling: nothing changes', async () => {
    const phone = new NtfPhone()
    await phone.ready(ntf).then((client) => client.close())
    ntf.asked = []
    await until(await phone.open(ntf, { server: ` ${ntf.address}` }), isReady(1))
    expect(ntf.asked).not.toContain('TNEW')
  })

  it('does not switch on notifications that were switched off meanwhile', async () => {
    const phone = new NtfPhone({ connections: 2 })
    await phone.ready(ntf).then((client) => client.close())
    await phone.agent.setNotifications('connection 0', false)
    await until(await phone.open(new ScriptedNtf()), isReady(1))
    expect(phone.agent.notifiers.get('connection 0')).toBeNull()
  })
})

describe('what is switched off', () => {
  it('R6: while the server is away is told by the next client, whatever its server is', async () => {
    const phone = new NtfPhone()
    const client = await phone.ready(ntf)
    ntf.goAway()
    await client.unregister()
    expect(client.status.phase).toBe('off')
    expect([...(await new Records(phone.state).deletions.all()).values()]).toMatchObject([{ address: ntf.address }])
    expect(await phone.state.get('device')).toBeUndefined()
    ntf.isAway = false
    await phone.open(new ScriptedNtf())
    await settled(() => ntf.tokens.size === 0)
  })

  it('ends a request that is not answered', async () => {
    const phone = new NtfPhone()
    const client = await phone.open(ntf, { ntf: { connect: (_, { signal }) => never(signal), connectTimeout: 60_000 } })
    await settled(async () => (await new Records(phone.state).ntf.get()) !== undefined)
    await client.unregister()
    expect((await phone.state.list()).map(([key]) => key)).toEqual([])
  })

  it('before anything was begun leaves nothing', async () => {
    const state = memoryState()
    const phone = new NtfPhone({ state })
    const client = await phone.open(ntf)
    await client.unregister()
    expect(await state.get('device')).toBeUndefined()
    await settled(() => ntf.tokens.size === 0)
  })
})
