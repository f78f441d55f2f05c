import { linkKey as linkKeyOf, PrivateKey, sealLinkItem } from '@smpkit/crypto'
import { DecodeError, decode, encode, toHex } from '@smpkit/encoding'
import { parseHost, type QueueUri } from '@smpkit/smp-commands/address'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ConnectionRequest } from './connection-request.js'
import { PeerError } from './errors.js'
import {
  deriveLinkKeys,
  type FixedLinkData,
  fixedLinkData,
  openLinkData,
  requestAt,
  sealLinkData,
  sealUserData,
  type UserLinkData,
  userLinkData,
} from './link-data.js'
import { authorizeOwner } from './link-owners.js'
import * as any from './testing/arbitraries.js'
import { expectOnlyDecodeErrors, expectRoundTrip } from './testing/codecs.js'

const key = (byte: number) => PrivateKey.fromRaw('ed25519', new Uint8Array(32).fill(byte))
const rootKey = key(1)
const owner = key(2)
const stranger = key(3)
const nonce = new Uint8Array(24).fill(9)
const agentVersions = { min: 2, max: 7 }
const queue: QueueUri = {
  versionRange: { min: 4, max: 4 },
  server: { hosts: ['a.example', 'b.onion'].map(parseHost), port: '', keyHash: new Uint8Array(32).fill(4) },
  senderId: new Uint8Array(24).fill(5),
  dhKey: PrivateKey.fromRaw('x25519', new Uint8Array(32).fill(6)).publicKey,
  queueMode: 'contact',
}
const connReq: ConnectionRequest = { type: 'contact', agentVersions, queues: [queue], clientData: null }
const fixed = { agentVersions, connReq, entityId: Uint8Array.of(7) }
const owners = [authorizeOwner(rootKey, Uint8Array.of(1), owner.publicKey)]
const user: UserLinkData = {
  type: 'contact',
  agentVersions,
  direct: true,
  owners,
  relays: [],
  userData: new TextEncoder().encode('{}'),
}

const made = { noNullPrototype: true } as const
const fixedData = (request: fc.Arbitrary<ConnectionRequest>): fc.Arbitrary<FixedLinkData> =>
  fc.record(
    {
      agentVersions: fc.constant(agentVersions),
      rootKey: fc.constant(rootKey.publicKey),
      connReq: request,
      entityId: fc.option(any.bytes()),
    },
    made,
  )
const userBytes = fc.oneof(
  any.bytes(),
  fc.integer({ min: 250, max: 300 }).map((length) => new Uint8Array(length)),
)
const contactData: fc.Arbitrary<UserLinkData> = fc.record(
  {
    type: fc.constant('contact' as const),
    agentVersions: fc.constant(agentVersions),
    direct: fc.boolean(),
    owners: fc.constantFrom([], owners),
    relays: fc.array(any.shortContactLink(fc.constant('server')), { maxLength: 2 }),
    userData: userBytes,
  },
  made,
)
const invitationData: fc.Arbitrary<UserLinkData> = fc.record(
  { type: fc.constant('invitation' as const), agentVersions: fc.constant(agentVersions), userData: userBytes },
  made,
)

describe('codecs', () => {
  test('all data reads back', () => {
    expectRoundTrip(fixedLinkData('contact'), fixedData(any.contactRequest))
    expectRoundTrip(fixedLinkData('invitation'), fixedData(any.invitationRequest))
    expectRoundTrip(userLinkData('contact'), contactData)
    expectRoundTrip(userLinkData('invitation'), invitationData)
  })

  test('other bytes are data or a DecodeError', () => {
    expectOnlyDecodeErrors(fixedLinkData('contact'), fixedData(any.contactRequest))
    expectOnlyDecodeErrors(userLinkData('contact'), contactData)
    expectOnlyDecodeErrors(userLinkData('invitation'), invitationData)
  })

  test('the other type of link is refused', () => {
    const [bytes] = fc.sample(fixedData(any.contactRequest), 1).map((data) => encode(fixedLinkData('contact'), data))
    if (!bytes) throw new Error('expected a sample')
    expect(() => decode(fixedLinkData('invitation'), bytes)).toThrow(DecodeError)
    expect(() => decode(userLinkData('invitation'), encode(userLinkData('contact'), user))).toThrow(DecodeError)
  })

  test('what later versions add is ignored, at the end and inside of an owner', () => {
    const bytes = encode(userLinkData('contact'), user)
    expect(decode(userLinkData('contact'), Uint8Array.of(...bytes, 1, 2, 3))).toEqual(user)
    const at = 1 + 4 + 1 + 1
    const longer = Uint8Array.of(...bytes.subarray(0, at), (bytes[at] ?? 0) + 1, ...bytes.subarray(at + 1, -5), 0xee)
    const more = Uint8Array.of(...longer, ...bytes.subarray(-5 + 1 - 1))
    expect(decode(userLinkData('contact'), more)).toMatchObject({ owners: [{ ownerId: Uint8Array.of(1) }] })
  })

  test.each([
    [254, 'fe'],
    [255, 'ff00ff'],
    [256, 'ff0100'],
  ])('user data of %i bytes has the length %s', (length, prefix) => {
    const bytes = encode(userLinkData('invitation'), {
      type: 'invitation',
      agentVersions,
      userData: new Uint8Array(length),
    })
    expect(toHex(bytes.subarray(5, 5 + prefix.length / 2))).toBe(prefix)
  })
})

describe('keys', () => {
  const linkKey = Uint8Array.from({ length: 32 }, (_, i) => i)

  test('of the worked example', () => {
    const { linkId, dataKey } = deriveLinkKeys('contact', linkKey)
    expect(linkId && toHex(linkId)).toBe('3232adb6fd5d0e30ab33495f6d24543458eae3aab2b1b535')
    expect(toHex(dataKey)).toBe('efcfdbca49d0a09566bb06c017e29d74861ce710afa58587a698fd4b85179d4a')
    const invitation = deriveLinkKeys('invitation', linkKey)
    expect(invitation.linkId).toBeNull()
    expect(toHex(invitation.dataKey)).toBe('7f3160cc1a195495e752e2204b71508fca7c0e7bcca32935bf1f4af2ac05b787')
  })

  test('a cut link key is refused', () => {
    expect(() => deriveLinkKeys('contact', linkKey.subarray(1))).toThrow(expect.objectContaining({ code: 'SYNTAX' }))
  })
})

describe('sealed', () => {
  const sealed = sealLinkData({ fixed, user, rootKey })
  const { linkKey } = sealed
  const open = (changes: Partial<typeof sealed> = {}) => openLinkData('contact', linkKey, { ...sealed, ...changes })
  const { dataKey } = deriveLinkKeys('contact', linkKey)

  test('data opens with the link key, and has its sizes', () => {
    expect(open()).toEqual({ fixed: { ...fixed, rootKey: rootKey.publicKey }, user })
    expect([sealed.fixedData.length, sealed.userData.length]).toEqual([2048, 13824])
    expect(sealed.linkId).toEqual(deriveLinkKeys('contact', linkKey).linkId)
  })

  test('an invitation has no id of its own, and the two parts must be of one type', () => {
    const [request] = fc.sample(any.invitationRequest, 1)
    if (!request) throw new Error('expected a sample')
    const data: UserLinkData = { type: 'invitation', agentVersions, userData: new Uint8Array(0) }
    const invitation = sealLinkData({ fixed: { ...fixed, connReq: request }, user: data, rootKey })
    expect(invitation.linkId).toBeNull()
    expect(openLinkData('invitation', invitation.linkKey, invitation).user).toEqual(data)
    expect(() => openLinkData('contact', invitation.linkKey, invitation)).toThrow(
      expect.objectContaining({ code: 'A_CRYPTO' }),
    )
    expect(() => sealLinkData({ fixed, user: data, rootKey })).toThrow(expect.objectContaining({ code: 'RANGE' }))
  })

  test('user data that the root key or an owner sealed anew opens beside the same fixed data', () => {
    const changed = { ...user, direct: false }
    for (const signer of [rootKey, owner]) {
      expect(open({ userData: sealUserData(linkKey, changed, signer) }).user).toEqual(changed)
    }
    expect(open({ ...sealLinkData({ fixed, user, rootKey, userSigningKey: owner }) }).user).toEqual(user)
  })

  const refusal = (code: string, message: string) =>
    expect.objectContaining({ name: 'PeerError', code, message: expect.stringContaining(message) })

  test('user data of a stranger is refused', () => {
    expect(() => open({ userData: sealUserData(linkKey, user, stranger) })).toThrow(
      refusal('A_LINK', 'user data signature'),
    )
  })

  test('an owner whom nobody made one is refused before his signature is looked at', () => {
    const wrong = { ...user, owners: [authorizeOwner(stranger, Uint8Array.of(1), stranger.publicKey)] }
    expect(() => open({ userData: sealUserData(linkKey, wrong, stranger) })).toThrow(refusal('A_LINK', 'owners'))
  })

  test('other fixed data under the same key is refused', () => {
    const other = encode(fixedLinkData('contact'), { ...fixed, entityId: null, rootKey: rootKey.publicKey })
    expect(() => open({ fixedData: sealLinkItem('fixed', dataKey, rootKey, nonce, other) })).toThrow(
      refusal('A_LINK', 'link data hash'),
    )
  })

  test('fixed data that its root key did not sign is refused', () => {
    const same = encode(fixedLinkData('contact'), { ...fixed, rootKey: rootKey.publicKey })
    expect(() => open({ fixedData: sealLinkItem('fixed', dataKey, stranger, nonce, same) })).toThrow(
      refusal('A_LINK', 'link data signature'),
    )
  })

  test('fixed data that says nothing is A_MESSAGE', () => {
    const empty = Uint8Array.of(0)
    const emptyKey = linkKeyOf(empty)
    const fixedItem = sealLinkItem('fixed', deriveLinkKeys('contact', emptyKey).dataKey, rootKey, nonce, empty)
    const userItem = sealUserData(emptyKey, user, rootKey)
    expect(() => openLinkData('contact', emptyKey, { fixedData: fixedItem, userData: userItem })).toThrow(
      refusal('A_MESSAGE', ''),
    )
  })

  test('any changed byte is refused, and any cut', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('fixedData' as const, 'userData' as const),
        fc.nat(),
        fc.boolean(),
        (part, at, cut) => {
          const item = sealed[part]
          const from = at % item.length
          const changed = cut ? item.subarray(0, from) : item.with(from, (item[from] ?? 0) ^ 1)
          expect(() => open({ [part]: changed })).toThrow(PeerError)
        },
      ),
    )
  })

  test('what is too long is not sealed', () => {
    const userData = new Uint8Array(13717)
    expect(() => sealUserData(linkKey, { ...user, userData }, rootKey)).toThrow(
      expect.objectContaining({ code: 'LARGE' }),
    )
  })
})

describe('the address of a request', () => {
  const asked = { hosts: [parseHost('b.onion')], port: '443', keyHash: new Uint8Array(32).fill(4) }

  test('is the one by which the server was asked', () => {
    expect(requestAt(asked, queue.senderId, connReq)).toEqual({ ...connReq, queues: [{ ...queue, server: asked }] })
  })

  test.each([
    ['queue', asked, new Uint8Array(24)],
    ['server', { ...asked, hosts: [parseHost('c.example')] }, queue.senderId],
  ])('of another %s is refused', (_, server, senderId) => {
    expect(() => requestAt(server, senderId, connReq)).toThrow(
      expect.objectContaining({ code: 'A_LINK', message: expect.stringContaining('different address') }),
    )
  })
})
