import { emptyIdsHash, PrivateKey, xorIdsHash } from '@smpkit/crypto'
import { describe, expect, it } from 'vitest'
import { idBytes, type Notifier, type Queue } from './queue.js'
import { Store } from './store.js'
import { publicAuthKey } from './testing/test-queue.js'

const key = publicAuthKey(PrivateKey.generate('ed25519'))
const nothing = new Uint8Array(0)

const notifier = (notifierId: string): Notifier => ({
  notifierId,
  key,
  secret: nothing,
  service: null,
  notifications: [],
})
const link = (linkId: string) => ({ linkId, fixedData: nothing, userData: nothing })

function queue(name: string, fields: Partial<Queue> = {}): Queue {
  return {
    recipientId: `r-${name}`,
    senderId: `s-${name}`,
    recipientKeys: [key],
    secret: nothing,
    senderKey: null,
    mode: 'messaging',
    link: link(`l-${name}`),
    notifier: notifier(`n-${name}`),
    status: 'active',
    service: null,
    messages: [],
    writable: true,
    ...fields,
  }
}

const foundBy = (store: Store, name: string) => [
  store.queues.get(`r-${name}`),
  store.ofSender(`s-${name}`),
  store.ofLink(`l-${name}`),
  store.ofNotifier(`n-${name}`),
]

describe('Store', () => {
  it('finds a queue by each of its ids, until it is deleted', () => {
    const store = new Store()
    const a = queue('a')
    expect(store.add(a)).toBe(true)
    expect(foundBy(store, 'a')).toEqual([a, a, a, a])
    store.delete(a)
    expect(foundBy(store, 'a')).toEqual(Array(4).fill(undefined))
    expect(store.add(queue('a'))).toBe(true)
  })

  it.each(['recipientId', 'senderId', 'link', 'notifier'] as const)('refuses a queue whose %s is taken', (field) => {
    const store = new Store()
    store.add(queue('a'))
    expect(store.add(queue('b', { [field]: queue('a')[field] }))).toBe(false)
    expect(foundBy(store, 'b')).toEqual(Array(4).fill(undefined))
    expect(store.add(queue('b'))).toBe(true)
  })

  it('frees the id of a link and of a notifier when they are replaced', () => {
    const store = new Store()
    const [a, b] = [queue('a'), queue('b')]
    store.add(a)
    store.add(b)
    expect(store.setLink(b, link('l-a'))).toBe(false)
    expect(store.ofLink('l-b')).toBe(b)
    store.setLink(a, null)
    expect(store.setLink(b, link('l-a'))).toBe(true)
    expect(store.ofLink('l-a')).toBe(b)
    expect(store.ofLink('l-b')).toBeUndefined()
    store.setNotifier(a, notifier('n-c'))
    expect(store.ofNotifier('n-a')).toBeUndefined()
    expect(store.ofNotifier('n-c')).toBe(a)
  })

  it('knows queues and ids hash of each service', () => {
    const store = new Store()
    const [one, two] = [store.serviceOf('messaging', 'c1', 9), store.serviceOf('messaging', 'c2', 9)]
    if (!one || !two) throw new Error('expected two services')
    const [a, b] = [queue('a'), queue('b')]
    for (const q of [a, b]) {
      store.add(q)
      store.setMessagingService(q, one)
      store.setMessagingService(q, one)
    }
    expect([...one.queues]).toEqual([a, b])
    store.setMessagingService(a, two)
    store.delete(b)
    expect(one.queues.size).toBe(0)
    expect(one.idsHash).toEqual(emptyIdsHash())
    expect(two.idsHash).toEqual(xorIdsHash(emptyIdsHash(), idBytes('r-a')))
  })

  it('takes a notifier from its service when it is replaced', () => {
    const store = new Store()
    const service = store.serviceOf('notifier', 'c', 9)
    if (!service) throw new Error('expected a service')
    const a = queue('a')
    store.add(a)
    store.setNotifierService(a, a.notifier as Notifier, service)
    expect(service.idsHash).toEqual(xorIdsHash(emptyIdsHash(), idBytes('n-a')))
    store.setNotifier(a, notifier('n-c'))
    expect(service.queues.size).toBe(0)
    expect(service.idsHash).toEqual(emptyIdsHash())
  })
})
