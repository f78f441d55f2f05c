// Messages flow while the notification server is killed again and again; then all that is owed is waited for, and judged.
import { toHex } from '@smpkit/encoding'
import { startWebhookFake } from '@smpkit/push-providers/testing'
import { startSmpServer } from '@smpkit/smp-server'
import { Phone } from './phone.js'
import { type JudgedPush, type JudgedQueue, judge, type Verdict } from './promise.js'
import { openRecipient, type Queue } from './queues.js'
import { randomFrom } from './random.js'
import { type ServerJob, ServerProcess } from './server-process.js'

export interface FlowOptions extends Pick<ServerJob, 'storage' | 'wrong'> {
  readonly messages: number
  /** Each ends with all that is owed done, and is judged. */
  readonly rounds: number
  readonly seed: number
}

export interface FlowResult extends Verdict {
  readonly kills: number
  readonly tokens: number
  readonly accepted: number
}

const phoneCount = 4
const queuesAtFirst = 20
const chunk = 20
/** The longest pause after a chunk, and the longest life of a process after a kill, in milliseconds. */
const longestPause = 160
const longestLife = 1500
/** How long nothing is owed before nobody expects anything any more. */
const quietChecks = { count: 5, every: 100 }

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

interface Subscribed {
  readonly queue: Queue
  readonly phone: Phone
  /** How many messages the SMP server has, and how many pushes had come when it had the newest. */
  sent: number
  at: number
}

/** What was to be discovered at the end of a round. */
interface Snapshot {
  readonly pushes: number
  readonly queues: readonly Subscribed[]
}

export async function flow({ storage, wrong, messages, rounds, seed }: FlowOptions): Promise<FlowResult> {
  const random = randomFrom(seed)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  await using smp = await startSmpServer({ notificationTick: 30, quota: messages })
  await using recipient = await openRecipient(smp.address)
  await using webhooks = await startWebhookFake()
  const accepted: boolean[] = []
  /** Devices whose next push is refused for now, whatever else. */
  const unlucky = new Set<string>()
  webhooks.answer(({ device }) => {
    const isAccepted = !unlucky.delete(device) && random() > 0.05
    accepted.push(isAccepted)
    return isAccepted ? 'accepted' : { status: 503 }
  })

  const job: ServerJob = {
    storage,
    smp: [smp.addressText],
    ca: webhooks.ca,
    limits: { checkSpread: 100, checkInterval: 200, retryFirst: 30, retryLongest: 200, requests: 10_000, accepts: 100 },
    ...(wrong && { wrong }),
  }
  let server = new ServerProcess(job)
  const phones: Phone[] = []
  const subscribed: Subscribed[] = []
  let kills = 0

  async function subscribe(phone: Phone, count: number): Promise<void> {
    const queues = await Promise.all(Array.from({ length: count }, () => recipient.newQueue()))
    await phone.subscribe(queues)
    for (const queue of queues) subscribed.push({ queue, phone, sent: 0, at: 0 })
  }

  async function send(one: Subscribed): Promise<void> {
    await one.queue.send()
    one.sent++
    one.at = webhooks.received.length
  }

  const sendChunk = () => Promise.all(Array.from({ length: chunk }, () => send(pick(subscribed))))

  async function killAndStart(): Promise<void> {
    await server.kill()
    kills++
    await pause(random() * 200)
    server = new ServerProcess(job)
  }

  /** Also in the middle of a start, and right after an answer. */
  async function killAgainAndAgain(isFlowing: () => boolean): Promise<void> {
    while (isFlowing()) {
      if (random() < 0.5) await pause(random() * longestLife)
      else await Promise.race([subscribe(pick(phones), 1), pause(10 * longestLife)])
      await killAndStart()
    }
  }

  async function sendAll(count: number): Promise<void> {
    for (let sent = 0; sent < count; sent += chunk) {
      await sendChunk()
      await pause(random() * longestPause)
    }
  }

  /** The SMP server has handed over what the process then takes with it, or has just stored. */
  async function killWithNotifications(when: 'before' | 'after'): Promise<void> {
    await server.ready
    await server.killAt(when)
    await sendChunk()
    await server.ended()
    await killAndStart()
  }

  async function allIsDone(): Promise<void> {
    await server.ready
    for (let quiet = 0; quiet < quietChecks.count; ) {
      await pause(quietChecks.every)
      const { pushes, servers } = await server.status()
      const isQuiet = pushes.owed === 0 && pushes.inFlight === 0 && servers.every(({ up }) => up)
      quiet = isQuiet && smp.statistics().notifications === 0 ? quiet + 1 : 0
    }
  }

  const snapshot = (): Snapshot => ({
    pushes: webhooks.received.length,
    queues: subscribed.map((one) => ({ ...one })),
  })

  async function round(number: number): Promise<Snapshot> {
    let isFlowing = true
    const killing = killAgainAndAgain(() => isFlowing)
    await sendAll(messages / rounds)
    isFlowing = false
    await killing
    // Whatever the client was told is there: what it was answered last, too.
    await server.ready
    await subscribe(pick(phones), 1)
    await killAndStart()
    await killWithNotifications(number % 2 === 0 ? 'before' : 'after')
    await allIsDone()
    return snapshot()
  }

  try {
    const link = await server.ready
    for (let i = 0; i < phoneCount; i++) {
      const phone = await Phone.connect({ name: `phone${i}`, link, smp: smp.addressText, pushes: webhooks })
      phones.push(phone)
      await phone.register()
      await subscribe(phone, queuesAtFirst)
    }
    // A server that writes late has its clients at least.
    if (wrong === 'writesLate') await pause(1500)
    const snapshots: Snapshot[] = []
    for (let i = 0; i < rounds; i++) snapshots.push(await round(i))
    // Nothing is killed any more: what is lost now is lost without an excuse.
    for (const { name } of phones) unlucky.add(name)
    for (const one of subscribed) await send(one)
    await allIsDone()
    snapshots.push(snapshot())

    const messageIds = new Map<string, string[]>()
    for (const { queue } of subscribed) messageIds.set(queue.key, await queue.drain())
    const pushes = webhooks.received.map(({ device, id, body }, at) => {
      const phone = phones.find(({ name }) => name === device) as Phone
      return judgedPush(phone.open(body), { device, id, accepted: accepted[at] ?? false }, subscribed)
    })
    const verdicts = snapshots.map(({ pushes: count, queues }) =>
      judge(
        queues.map((one) => judged(one, messageIds)),
        pushes.slice(0, count),
      ),
    )
    return {
      undiscovered: verdicts.flatMap(({ undiscovered }, i) => undiscovered.map((queue) => `${queue} in round ${i}`)),
      duplicates: verdicts.at(-1)?.duplicates ?? 0,
      kills,
      tokens: phoneCount,
      accepted: accepted.filter(Boolean).length,
    }
  } finally {
    for (const phone of phones) await phone.close()
    await server.kill()
  }
}

/** Nobody has read a message until the end. */
function judged({ queue, phone, sent, at }: Subscribed, ids: ReadonlyMap<string, readonly string[]>): JudgedQueue {
  const message = ids.get(queue.key)?.[sent - 1]
  if (sent > 0 && message === undefined) throw new Error('expected all messages in the queue')
  return { queue: queue.key, device: phone.name, unread: message === undefined ? null : { message, at } }
}

function judgedPush(
  opened: ReturnType<Phone['open']>,
  about: Pick<JudgedPush, 'device' | 'id' | 'accepted'>,
  subscribed: readonly Subscribed[],
): JudgedPush {
  const items = opened.kind === 'message' ? opened.items : []
  return {
    ...about,
    kind: opened.kind,
    items: items.flatMap((item) => {
      const key = toHex(item.notifierId)
      const one = subscribed.find(({ queue }) => queue.key === key)
      return one ? [{ queue: key, message: one.queue.messageId(item) }] : []
    }),
  }
}
