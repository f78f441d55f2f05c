import { PrivateKey } from '@smpkit/crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { addressOf, newSendQueue, publicSenderKeyOf, sameAddress, senderKeyOf, serverToText } from './queues.js'
import { queueAddress, queueInfo, server } from './testing/arbitraries.js'

it('a server is read from a row as it was written', () => {
  fc.assert(
    fc.property(server, (address) => {
      expect(serverToText(addressOf(serverToText(address)))).toBe(serverToText(address))
    }),
  )
})

it('a queue is known by hosts, port and id, not by the certificate of its server', () => {
  fc.assert(
    fc.property(queueAddress, (address) => {
      const queue = { server: serverToText(address.server), senderId: address.senderId }
      const { hosts, port, keyHash } = addressOf(queue.server)
      const same = { server: { hosts, port, keyHash }, senderId: address.senderId.slice() }
      const other = (changes: Partial<typeof same.server>) => ({ ...same, server: { ...same.server, ...changes } })
      expect(sameAddress(same, queue)).toBe(true)
      expect(sameAddress(other({ keyHash: keyHash.map((byte) => byte ^ 1) }), queue)).toBe(true)
      expect(sameAddress(other({ port: '1' }), queue)).toBe(false)
      expect(sameAddress(other({ hosts: [...hosts, ...hosts] }), queue)).toBe(false)
      expect(sameAddress({ ...same, senderId: Uint8Array.of(...same.senderId, 0) }, queue)).toBe(false)
    }),
  )
})

it('a queue to send to has keys of its own, or the one that it was secured with', () => {
  const [info] = fc.sample(queueInfo, 1)
  if (!info) throw new Error('expected a queue')
  const [one, two] = [newSendQueue(info, 4), newSendQueue(info, 4)]
  expect([one.status, one.clientVersion, one.queueMode]).toEqual(['new', 4, info.queueMode])
  expect(one.senderKey).not.toEqual(two.senderKey)
  expect(one.e2eSecret).not.toEqual(two.e2eSecret)
  const key = PrivateKey.generate('ed25519')
  const secured = newSendQueue(info, 3, key)
  expect([secured.status, senderKeyOf(secured).toDer()]).toEqual(['secured', key.toDer()])
  expect(publicSenderKeyOf(secured).toDer()).toEqual(key.publicKey.toDer())
})
