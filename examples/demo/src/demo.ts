// The RFC's seven steps, from a queue to a fetched message, over real connections.
import { openMemoryStore } from '@smpkit/agent-store'
import { dh, PrivateKey, PublicKey } from '@smpkit/crypto'
import { equalBytes, fromBase64url, toBase64url } from '@smpkit/encoding'
import { createNotificationServer, memoryStore, poolSubscriber } from '@smpkit/notification-server'
import { serviceDoor } from '@smpkit/notification-server/service'
import { consoleProvider, type PushProvider } from '@smpkit/push-providers'
import { type NotificationData, openPush } from '@smpkit/push-providers/payload'
import { openAgent } from '@smpkit/smp-agent'
import { openSession, SmpPool } from '@smpkit/smp-client'
import { decryptMsgBody, decryptNmsgMeta, type NmsgMeta } from '@smpkit/smp-commands'
import { type ParsedServerAddress, parseServerAddress, serverAddressToText } from '@smpkit/smp-commands/address'
import { startSmpServer } from '@smpkit/smp-server'
import { openText, sealText } from './envelope.js'
import { Inbox } from './inbox.js'
import type { Report } from './report.js'
import { linkToService, type ServiceLink } from './service-link.js'
import { traced } from './wire.js'

export interface DemoOptions {
  /** `null`: an SMP server of our own. */
  readonly server: ParsedServerAddress | null
  readonly message: string
  readonly report: Report
  readonly signal: AbortSignal
}

/** What all parts of the walk need. */
interface Walk extends DemoOptions {
  readonly server: ParsedServerAddress
  readonly service: ServiceLink
  /** What reaches the phone. */
  readonly pushes: Inbox<NotificationData>
}

export async function demo(options: DemoOptions): Promise<void> {
  const { report } = options
  const start = performance.now()
  await using embedded = options.server ? undefined : await startSmpServer()
  const server = options.server ?? parseServerAddress(embedded?.addressText ?? '')
  report.start({
    'SMP server': `${serverAddressToText({ ...server, password: null })}${embedded ? ' (embedded)' : ''}`,
    'ntf server': 'the notification server; recipient (a phone), sender and it connect on their own',
    's.*': 'requests and answers over an agent connection; what carries them is not shown',
  })

  const pushes = new Inbox<NotificationData>()
  const sent: { at?: number } = {}
  await using agent = await openAgent({ store: openMemoryStore(), servers: [server] })
  const door = serviceDoor({ agent, name: 'demo notification server' })
  await using _notifications = await createNotificationServer({
    subscriber: poolSubscriber(new SmpPool({ connect: traced('notification server', report) })),
    store: memoryStore(),
    providers: [shownProvider(report, pushes, sent)],
    doors: [door],
  })
  report.heading('The phone connects to the notification server, as to a person')
  const { link: address } = await door.address()
  await using service = await linkToService({ address, server, report, signal: options.signal })
  const walk: Walk = { ...options, server, service, pushes }

  const token = await registerToken(walk)
  const queue = await enableNotifications(walk, token.id)
  sent.at = performance.now()
  await sendMessage(walk, queue)
  const meta = await receivePush(walk, token.secret, queue)
  await fetchMessage(walk, queue, meta)
  report.end(performance.now() - start)
}

/** The console provider, with a line of its own in the walk for each push. */
function shownProvider(report: Report, pushes: Inbox<NotificationData>, sent: { at?: number }): PushProvider {
  const provider = consoleProvider({
    write: (line) => report.exhibit('What the push provider sees (opaque)', partsOf(line)),
    deliver: ({ notificationData }) => pushes.put(notificationData),
  })
  return {
    ...provider,
    send(push, options) {
      const isMessage = push.kind === 'message'
      report.step({
        step: isMessage ? 7 : null,
        from: 'notification server',
        to: 'push provider',
        what: `push (${push.kind})`,
        meaning: isMessage ? 'wake up! (time since SEND)' : 'a code for the phone',
        bytes: JSON.stringify({ notificationData: push.notificationData }).length,
        ...(sent.at !== undefined && { ms: performance.now() - sent.at }),
      })
      return provider.send(push, options)
    },
  }
}

/** The console's line in pieces that fit a terminal: `push to …, 43 bytes, name=value …`. */
function partsOf(line: string): Record<string, string> {
  const [push = '', ...data] = line.split(/,? (?=\w+=)/)
  return { console: push, ...Object.fromEntries(data.map((field) => field.split(/=(.*)/))) }
}

async function registerToken({ report, service, pushes, signal }: Walk): Promise<{ id: string; secret: Uint8Array }> {
  report.heading('The phone registers its push token, and proves that it gets its pushes')
  const pushKey = PrivateKey.generate('x25519')
  const dhKey = toBase64url(pushKey.publicKey.toDer())
  const token = { provider: 'console', token: 'demo', dhKey }
  const { data } = await service.request('post', '/ntf/tokens', token, { signal })
  const id = data.resource.slice('/ntf/tokens/'.length)
  const secret = dh(pushKey, PublicKey.fromDer(fromBase64url(data.dhKey)) as PublicKey<'x25519'>)
  const push = openPush(secret, await pushes.take(signal))
  if (push.kind !== 'verification') throw new Error(`expected a verification push, got ${push.kind}`)
  const code = { code: toBase64url(push.code) }
  await service.request('put', '/ntf/tokens/:id/verification', code, { params: { id }, signal })
  return { id, secret }
}

type Queue = Awaited<ReturnType<typeof enableNotifications>>

async function enableNotifications(walk: Walk, token: string) {
  const { report, server, service, signal } = walk
  report.heading('The recipient makes a queue, enables its notifications, and goes to sleep')
  const recipientKey = PrivateKey.generate('ed25519')
  const queueKey = PrivateKey.generate('x25519')
  await using recipient = await openSession(server, { connect: traced('recipient', report), signal })
  const ids = await recipient.request({
    command: {
      tag: 'NEW',
      authKey: recipientKey.publicKey,
      dhKey: queueKey.publicKey,
      basicAuth: server.password,
      subMode: 'create',
      queueReq: { mode: 'messaging', link: null },
      ntfCreds: null,
    },
    key: recipientKey,
  })
  const asRecipient = { entityId: ids.recipientId.slice(), key: recipientKey }
  const notifierKey = PrivateKey.generate('ed25519')
  const ntfKey = PrivateKey.generate('x25519')
  const nid = await recipient.request({
    command: { tag: 'NKEY', authKey: notifierKey.publicKey, dhKey: ntfKey.publicKey },
    ...asRecipient,
  })
  const notifierId = nid.notifierId.slice()
  const { data: subscription } = await service.request(
    'post',
    '/ntf/subscriptions',
    {
      server: serverAddressToText({ ...server, password: null }),
      notifierId: toBase64url(notifierId),
      notifierKey: toBase64url(notifierKey.toDer()),
      token: { id: token },
    },
    { signal },
  )
  if (!('status' in subscription) || subscription.status !== 'active') {
    throw new Error('the notification server is not subscribed: it got no answer to NSUB')
  }
  return {
    asRecipient,
    senderId: ids.senderId.slice(),
    secret: dh(queueKey, ids.serverDhKey),
    notifierId,
    ntfSecret: dh(ntfKey, nid.serverDhKey),
    // The sender learns the sender id and the public half of this key out of band, in an invitation.
    e2eKey: PrivateKey.generate('x25519'),
  }
}

async function sendMessage({ report, server, message, signal }: Walk, { senderId, e2eKey }: Queue): Promise<void> {
  report.heading('A sender sends a message')
  const senderKey = PrivateKey.generate('ed25519')
  const asSender = { entityId: senderId, key: senderKey }
  await using sender = await openSession(server, { connect: traced('sender', report), signal })
  await sender.request({ command: { tag: 'SKEY', senderKey: senderKey.publicKey }, ...asSender })
  const body = sealText(e2eKey.publicKey, message)
  await sender.request({ command: { tag: 'SEND', notification: true, body }, ...asSender })
}

async function receivePush(
  { report, pushes, signal }: Walk,
  tokenSecret: Uint8Array,
  { notifierId, ntfSecret }: Queue,
): Promise<NmsgMeta> {
  const push = openPush(tokenSecret, await pushes.take(signal))
  const item = push.kind === 'message' ? push.items.at(-1) : undefined
  if (!item || !equalBytes(item.notifierId, notifierId)) throw new Error('the push does not name the queue')
  const meta = decryptNmsgMeta(ntfSecret, item.nonce, item.encMeta)
  report.exhibit('What the phone sees after decryption', {
    queue: `its own, at ${item.server.hosts.map(({ text }) => text).join(', ')}; it knows it by the notifier id`,
    message: `id ${toBase64url(meta.msgId)}`,
    sent: new Date(meta.ts * 1000).toISOString(),
  })
  return meta
}

async function fetchMessage(
  { report, server, signal }: Walk,
  { asRecipient, secret, e2eKey }: Queue,
  { msgId }: NmsgMeta,
): Promise<void> {
  report.heading('The phone wakes, fetches the message and acknowledges it')
  await using recipient = await openSession(server, { connect: traced('recipient', report), signal })
  const fetched = await recipient.request({ command: { tag: 'GET' }, ...asRecipient })
  if (fetched.tag !== 'MSG') throw new Error('the queue is empty')
  if (!equalBytes(fetched.msgId, msgId)) throw new Error('the push announced another message')
  const opened = decryptMsgBody(secret, fetched.msgId, fetched.encBody)
  if (opened.quota) throw new Error('the queue is full')
  report.exhibit('The message', { text: openText(e2eKey, opened.body) })
  await recipient.request({ command: { tag: 'ACK', msgId: fetched.msgId }, ...asRecipient })
  await recipient.request({ command: { tag: 'DEL' }, ...asRecipient })
}
