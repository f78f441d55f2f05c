import {
  contactLinkKeys,
  invitationLinkKeys,
  linkKey,
  openLinkItem,
  PrivateKey,
  randomBytes,
  sealLinkItem,
  senderIdOf,
} from '@smpkit/crypto'
import { describe, expect, it, type TestContext } from 'vitest'
import {
  deleteLinkData,
  getLinkData,
  newCorrId,
  replaceRecipientKeys,
  secureByLink,
  sendMessage,
  setLinkData,
  subscribe,
} from '../src/index.js'
import { bytes, newKey, useTarget } from './target.js'

const target = useTarget()
const auth = expect.objectContaining({ name: 'SmpReplyError', code: 'AUTH' })
const prohibited = expect.objectContaining({ reply: { code: 'CMD', inner: { code: 'PROHIBITED' } } })

/** A root key and the sealed data of a link. */
function linkOf(mode: 'messaging' | 'contact') {
  const rootKey = PrivateKey.generate('ed25519')
  const [fixed, user] = [randomBytes(100), bytes('about me')]
  const key = linkKey(fixed)
  const contact = contactLinkKeys(key)
  const dataKey = mode === 'contact' ? contact.dataKey : invitationLinkKeys(key).dataKey
  const seal = (kind: 'fixed' | 'user', data: Uint8Array) => sealLinkItem(kind, dataKey, rootKey, randomBytes(24), data)
  const data = { fixedData: seal('fixed', fixed), userData: seal('user', user) }
  return { rootKey, dataKey, seal, fixed, user, linkId: contact.linkId, data }
}

const opened = (context: TestContext) => {
  target.needs(context, 'v15')
  return target.open()
}

describe('a one-time link', () => {
  it('gives its data to one sender, who secures the queue with it, and the first message removes it', async (context) => {
    const session = await opened(context)
    const link = linkOf('messaging')
    const corrId = newCorrId()
    const queue = await target.newQueue(session, { queueMode: 'messaging', link: link.data, corrId })
    expect(queue.senderId).toEqual(senderIdOf(corrId))
    expect(queue.linkId).toHaveLength(24)
    const linkId = queue.linkId as Uint8Array
    const senderKey = newKey()
    const found = await secureByLink(session, linkId, senderKey)
    expect(found).toEqual({ senderId: queue.senderId, ...link.data })
    expect(openLinkItem(link.dataKey, link.rootKey.publicKey, found.fixedData)).toEqual(link.fixed)
    expect(openLinkItem(link.dataKey, link.rootKey.publicKey, found.userData)).toEqual(link.user)
    await secureByLink(session, linkId, senderKey)
    await expect(secureByLink(session, linkId, newKey())).rejects.toEqual(auth)
    await expect(getLinkData(session, linkId)).rejects.toEqual(auth)
    await sendMessage(session, { ...queue, senderKey }, bytes('hello'))
    await expect(secureByLink(session, linkId, senderKey)).rejects.toEqual(auth)
  })

  it('needs the sender id that follows from the correlation id', async (context) => {
    const session = await opened(context)
    const link = linkOf('messaging')
    const recipientKey = newKey()
    const request = session.request({
      command: {
        tag: 'NEW',
        authKey: recipientKey.publicKey,
        dhKey: PrivateKey.generate('x25519').publicKey,
        basicAuth: target.password,
        subMode: 'create',
        queueReq: { mode: 'messaging', link: { senderId: randomBytes(24), ...link.data } },
        ntfCreds: null,
      },
      key: recipientKey,
    })
    await expect(request).rejects.toEqual(prohibited)
  })
})

describe('a contact link', () => {
  it('gives its data to all, who see what changes', async (context) => {
    const session = await opened(context)
    const link = linkOf('contact')
    const queue = await target.newQueue(session, { queueMode: 'contact', link: { ...link.data, linkId: link.linkId } })
    expect(queue.linkId).toEqual(link.linkId)
    expect(await getLinkData(session, link.linkId)).toEqual({ senderId: queue.senderId, ...link.data })
    const userData = link.seal('user', bytes('about me, later'))
    await setLinkData(session, queue, { linkId: link.linkId, ...link.data, userData })
    const { userData: found } = await getLinkData(session, link.linkId)
    expect(openLinkItem(link.dataKey, link.rootKey.publicKey, found)).toEqual(bytes('about me, later'))
    await expect(secureByLink(session, link.linkId, newKey())).rejects.toEqual(auth)
    await deleteLinkData(session, queue)
    await deleteLinkData(session, queue)
    await expect(getLinkData(session, link.linkId)).rejects.toEqual(auth)
  })

  it('can be added later, and neither its id nor its fixed data change then', async (context) => {
    const session = await opened(context)
    const [link, other] = [linkOf('contact'), linkOf('contact')]
    const queue = await target.newQueue(session, { queueMode: 'contact' })
    await setLinkData(session, queue, { linkId: link.linkId, ...link.data })
    const changes = [
      { linkId: other.linkId, ...link.data },
      { linkId: link.linkId, ...link.data, fixedData: other.data.fixedData },
    ]
    for (const change of changes) await expect(setLinkData(session, queue, change)).rejects.toEqual(auth)
    expect(await getLinkData(session, link.linkId)).toEqual({ senderId: queue.senderId, ...link.data })
  })
})

describe('the keys of recipients', () => {
  it('of a contact queue can be replaced, and each of them works', async (context) => {
    const session = await opened(context)
    const queue = await target.newQueue(session, { queueMode: 'contact', subMode: 'create' })
    const keys = [newKey(), PrivateKey.generate('ed448'), PrivateKey.generate('x25519')] as const
    await replaceRecipientKeys(
      session,
      queue,
      keys.map(({ publicKey }) => publicKey),
    )
    for (const recipientKey of keys) await subscribe(session, { ...queue, recipientKey })
    await expect(subscribe(session, queue)).rejects.toEqual(auth)
  })

  it('of a messaging queue cannot', async (context) => {
    const session = await opened(context)
    const queue = await target.newQueue(session)
    await expect(replaceRecipientKeys(session, queue, [newKey().publicKey])).rejects.toEqual(auth)
  })
})
