// The RFC's seven steps, from a queue to a fetched message, over real connections.
import { dh, PrivateKey } from '@smpkit/crypto'
import { equalBytes, toBase64url } from '@smpkit/encoding'
import { createNotificationServer, memoryStore, poolSubscriber } from '@smpkit/notification-server'
import { openPush, tokenSecret } from '@smpkit/push-providers/payload'
import { openSession, SmpPool } from '@smpkit/smp-client'
import { decryptMsgBody, decryptNmsgMeta, type NmsgMeta } from '@smpkit/smp-commands'
import { type ParsedServerAddress, parseServerAddress, serverAddressToText } from '@smpkit/smp-commands/address'
import { startSmpServer } from '@smpkit/smp-server'
import { openText, sealText } from './envelope.js'
import { ntfWay } from './ntf-way.js'
import { Pushes } from './pushes.js'
import type { Report } from './report.js'
import { serviceWay } from './service-way.js'
import { traced } from './smp-wire.js'
import type { Link, Token } from './way.js'

/** What the phone and its notification server speak. */
export const ways = { 's.*': serviceWay, ntf: ntfWay } as const

export interface DemoOptions {
  /** `null`: an SMP server of our own. */
  readonly server: ParsedServerAddress | null
  readonly protocol: keyof typeof ways
  readonly message: string
  readonly report: Report
  readonly signal: AbortSignal
}

/** What all parts of the walk need. */
interface Walk extends DemoOptions {
  readonly server: ParsedServerAddress
  readonly pushes: Pushes
}

export async function demo(options: DemoOptions): Promise<void> {
  const { report } = options
  const start = performance.now()
  await using embedded = options.server ? undefined : await startSmpServer()
  const server = options.server ?? parseServerAddress(embedded?.addressText ?? '')
  const pushes = new Pushes(report)
  await using way = await ways[options.protocol]({ server, report, pushes, signal: options.signal })
  report.start({
    'SMP server': `${serverAddressToText({ ...server, password: null })}${embedded ? ' (embedded)' : ''}`,
    'ntf server': 'the notification server; recipient (a phone), sender and it connect on their own',
    ...way.facts,
  })

  await using _notifications = await createNotificationServer({
    subscriber: poolSubscriber(new SmpPool({ connect: traced('notification server', report) })),
    store: memoryStore(),
    providers: way.providers,
    doors: [way.door],
  })
  await using link = await way.connect()
  const walk: Walk = { ...options, server, pushes }

  const { token, secret } = await registerToken(walk, link)
  const queue = await enableNotifications(walk, token)
  pushes.messageIsSent()
  await sendMessage(walk, queue)
  const meta = await receivePush(walk, secret, queue)
  await fetchMessage(walk, queue, meta)
  report.end(performance.now() - start)
}

async function registerToken({ report, pushes, signal }: Walk, link: Link) {
  report.heading('The phone registers its push token, and proves that it gets its pushes')
  const pushKey = PrivateKey.generate('x25519')
  const token = await link.register(pushKey.publicKey)
  const secret = tokenSecret(pushKey, token.dhKey)
  const push = openPush(secret, await pushes.take(signal))
  if (push.kind !== 'verification') throw new Error(`expected a verification push, got ${push.kind}`)
  await token.verify(push.code)
  return { token, secret }
}

type Queue = Awaited<ReturnType<typeof enableNotifications>>

async function enableNotifications({ report, server, signal }: Walk, token: Token) {
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
  await token.subscribe({ notifierId, notifierKey })
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
