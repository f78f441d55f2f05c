// Spec 23 §2, 30 §3: a client that dies at any moment goes on to the same end; what it had written is all that it needs.
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { beforeAll, expect, it } from 'vitest'
import { type ClientState, memoryState } from '../src/state.js'
import { Person, Phone, TestService, untilReady } from '../src/testing/service.js'

let smp: SmpServer
beforeAll(async () => {
  smp = await startSmpServer({ notificationTick: 20 })
  return () => smp.stop()
})

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

it('registers and subscribes once, whenever the client is killed on the way', async () => {
  const service = await new TestService(smp).start()
  const [phone, friend] = [await Phone.open(smp), await Person.open(smp)]
  const { say } = await phone.meet(friend)
  for (let writes = 1, isDone = false; !isDone; writes++) {
    phone.state = memoryState()
    const { dead, state } = dying(phone.state, writes)
    const killed = phone
      .openClient(service, { state, token: `phone ${writes}` })
      .then((client) => untilReady(client, 1))
    isDone = await Promise.race([dead.then(() => false), killed.then(() => true)])
    if (isDone) break
    // Nothing of the old process answers events any more.
    const again = await phone.openClient(service, { token: `phone ${writes}` })
    await untilReady(again, 1)
    const own = (await service.tokens()).filter(({ deviceToken }) => deviceToken === `phone ${writes}`)
    expect(own).toHaveLength(1)
    const pushes = service.kinds(`phone ${writes}`).length
    await say('hello')
    await phone.until(() => service.kinds(`phone ${writes}`).length > pushes)
    expect(service.kinds(`phone ${writes}`).at(-1)).toBe('message')
    await again.unregister()
  }
})
